/** Each recorded request in a client's dialect: decoded to neutral and encoded to its own protocol again, it must say the same. */
import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../src/core/json.ts';
import type { ChatDialect } from '../../src/gateway/dialects/contract.ts';
import { dialectFolders } from '../../src/gateway/dialects/registry.ts';
import { type Recording, subjectOf } from './recordings.ts';

const dialects = new Map(
  dialectFolders
    .flatMap((folder) => folder.dialects)
    .filter((dialect): dialect is ChatDialect => dialect.operation === 'chat')
    .map((dialect) => [dialect.protocol, dialect]),
);

/** `undefined`: said the same. Otherwise which fields differ, or why the request is none of ours. */
export function checkRequest(recording: Recording): { readonly differs?: string; readonly notOurs?: string } {
  const body = recording.request?.body;
  const subject = subjectOf(recording);
  if (!isObject(body) || subject.kind !== 'chat') return { notOurs: 'no chat request' };
  const dialect = dialects.get(subject.endpoint.protocol);
  if (dialect === undefined) return { notOurs: `no client speaks ${subject.endpoint.protocol}` };
  if (recording.response.status >= 400) return { notOurs: 'a request that the provider refused' };
  const named = { model: subject.endpoint.model.id, ...body };
  const again = subject.endpoint.encode(dialect.decode(named)).body;
  const [wanted, got] = [normal(named), normal(again)];
  const fields = [...new Set([...Object.keys(wanted), ...Object.keys(got)])].filter(
    (field) => !isDeepStrictEqual(wanted[field], got[field]),
  );
  return fields.length === 0 ? {} : { differs: fields.join(', ') };
}

/** Two ways to say the same thing are one: a text and a list of one text, null and nothing, JSON arguments by their value. */
function normal(body: object): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(body)) {
    if (
      value === null ||
      key === 'anthropic_version' ||
      key === 'stream_options' ||
      key === 'stream' ||
      key === 'model'
    )
      continue;
    result[key === 'max_completion_tokens' ? 'max_tokens' : key] =
      key === 'stop' && typeof value === 'string' ? [value] : canonical(value);
  }
  return result;
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    const only: unknown = value[0];
    if (value.length === 1 && isObject(only) && only['type'] === 'text' && Object.keys(only).length === 2)
      return only['text'];
    return value.map(canonical);
  }
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(
    ([, inner]) => inner !== null && inner !== undefined && !(Array.isArray(inner) && inner.length === 0),
  );
  return Object.fromEntries(
    kept
      .map(([key, inner]): [string, unknown] => [
        key,
        key === 'role' && inner === 'developer'
          ? 'system'
          : key === 'arguments' && typeof inner === 'string' && inner.startsWith('{')
            ? JSON.parse(inner)
            : canonical(inner),
      ])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
