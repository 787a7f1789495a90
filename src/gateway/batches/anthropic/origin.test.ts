import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { originOf } from './origin.ts';

const socket = new Socket();
const origin = (headers: Record<string, string>): string => originOf({ headers, socket });

describe('the address under which a caller reaches us', () => {
  const table: readonly [Record<string, string>, string][] = [
    [{ host: 'gateway.example' }, 'http://gateway.example'],
    [{ host: 'gateway.example:8443', 'x-forwarded-proto': 'https' }, 'https://gateway.example:8443'],
    [{ host: 'gateway.example', 'x-forwarded-proto': 'HTTPS, http' }, 'https://gateway.example'],
    [{ host: '127.0.0.1:4000' }, 'http://127.0.0.1:4000'],
    [{ host: '[::1]:4000' }, 'http://[::1]:4000'],
    [{ host: 'a.example', 'x-forwarded-proto': 'javascript' }, 'http://a.example'],
    [{ host: 'a.example', 'x-forwarded-host': 'evil.example' }, 'http://a.example'],
  ];
  for (const [headers, wanted] of table)
    test(`is ${wanted} for ${JSON.stringify(headers)}`, () => assert.equal(origin(headers), wanted));

  for (const host of [
    '',
    '-',
    'a b',
    'user@evil.example',
    'evil.example/x',
    'a?b',
    'a#b',
    'a:b',
    'a:123456',
    '[x]',
    'a\\b',
    '"',
    'é',
  ])
    test(`is left to the caller where its host is ${JSON.stringify(host)}`, () =>
      assert.equal(origin({ host }), ''));

  test('is left to the caller where it names none', () => assert.equal(origin({}), ''));
});
