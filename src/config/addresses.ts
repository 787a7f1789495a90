/** Addresses of what gateways share: the store and Redis. What they are is checked here, whether they answer when the gateway starts. */
import { z } from 'zod';
import { orFile } from '../core/or-file.ts';
import { addressPattern, readRedisAddress } from '../wire/redis/address.ts';

/** As `stores/open.ts` reads it: a path, `sqlite:PATH`, `:memory:` or `postgres://…`. */
export const store = orFile(
  z.string().superRefine((text, context) => {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
    const known = scheme === undefined || scheme === 'postgres' || scheme === 'postgresql';
    if (known && !/^(?:sqlite:)?$/i.test(text)) return;
    const fix = 'Write the path of a file such as intermodal.db, :memory:, or postgres://HOST/DATABASE.';
    context.addIssue({ code: 'custom', message: 'not a store', params: { not: 'a store', fix } });
  }),
);

export const redis = orFile(
  z
    .string()
    .superRefine((text, context) => {
      const read = readRedisAddress(text);
      if (read.ok) return;
      const params = { not: 'the address of a Redis', fix: read.fix };
      context.addIssue({ code: 'custom', message: 'not the address of a Redis', params });
    })
    .meta({ pattern: addressPattern }),
);
