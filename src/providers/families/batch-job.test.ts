import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../core/errors.ts';
import { failedCreate, isItemOf, itemId, itemKey, readConnectionError } from './batch-job.ts';

const job = { id: 's0123456789a' };

describe('the id of an item', () => {
  test('gives back its key, for every key', () => {
    for (const key of [0, 1, 99_999, Number.MAX_SAFE_INTEGER]) {
      const id = itemId(job, key);
      assert.match(id, /^[a-zA-Z0-9_-]{1,64}$/);
      assert.equal(itemKey(job, id), key);
      assert.ok(isItemOf(job, id));
    }
  });

  for (const id of [
    's0123456789b-1',
    's0123456789a',
    's0123456789a-',
    's0123456789a-01',
    's0123456789a-1.5',
    's0123456789a--1',
    's0123456789a-9007199254740993',
    's0123456789a-1e3',
    's0123456789a-1 ',
    's0123456789aa-1',
    7,
    null,
    undefined,
  ])
    test(`is not ${JSON.stringify(id)}`, () => assert.equal(itemKey(job, id), undefined));
});

describe('a create that failed', () => {
  const error = new GatewayError('upstream_fault', 'x');
  const codeError = (code: string) => Object.assign(new Error('x'), { code });
  const fetchFailed = (cause: unknown) => new TypeError('fetch failed', { cause });
  const statuses: readonly [number, string][] = [
    [200, 'unknown'],
    [307, 'refused'],
    [400, 'refused'],
    [401, 'refused'],
    [408, 'unknown'],
    [409, 'unknown'],
    [413, 'refused'],
    [425, 'unknown'],
    [429, 'refused'],
    [500, 'unknown'],
    [503, 'unknown'],
    [529, 'unknown'],
  ];
  for (const [status, kind] of statuses)
    test(`with status ${status} is ${kind}`, () =>
      assert.equal(failedCreate({ error, status, bodyEnded: true }).kind, kind));

  const connections: readonly [string, unknown, boolean, string][] = [
    ['no answer after the whole body', fetchFailed(codeError('UND_ERR_SOCKET')), true, 'unknown'],
    ['a reset', fetchFailed(codeError('ECONNRESET')), true, 'unknown'],
    ['a body that broke off', fetchFailed(codeError('ECONNRESET')), false, 'refused'],
    ['a host that refuses', fetchFailed(codeError('ECONNREFUSED')), true, 'refused'],
    [
      'no such host, deeper down',
      new Error('x', { cause: fetchFailed(codeError('ENOTFOUND')) }),
      true,
      'refused',
    ],
    [
      'a host whose every address refuses',
      fetchFailed(new AggregateError([codeError('ECONNREFUSED'), codeError('ENETUNREACH')])),
      true,
      'refused',
    ],
    [
      'one address of which was reached',
      fetchFailed(new AggregateError([codeError('ECONNREFUSED'), codeError('ECONNRESET')])),
      true,
      'unknown',
    ],
    ['what is no error', 'x', true, 'unknown'],
  ];
  for (const [what, thrown, bodyEnded, kind] of connections)
    test(`with ${what} is ${kind}`, () =>
      assert.equal(failedCreate({ error, bodyEnded, thrown }).kind, kind));
});

test('a failure without an answer is silence or no connection; ours stay as they are', () => {
  const own = new GatewayError('upstream_auth', 'x');
  assert.equal(readConnectionError(own, 'x'), own);
  assert.equal(readConnectionError(new DOMException('x', 'AbortError'), 'x').code, 'upstream_timeout');
  assert.equal(readConnectionError(new Error('Request timed out: timeout'), 'x').code, 'upstream_timeout');
  assert.equal(readConnectionError(new TypeError('fetch failed'), 'x').code, 'upstream_unreachable');
});
