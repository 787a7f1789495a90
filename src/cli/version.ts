/** The product's version, as its package says. */
import { readFileSync } from 'node:fs';
import { asObject, asString } from '../core/json.ts';

export const version: string =
  asString(
    asObject(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')))['version'],
  ) ?? '0.0.0';
