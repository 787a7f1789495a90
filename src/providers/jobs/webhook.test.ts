import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { isSigned, readWebhook, signWebhook } from './webhook.ts';

const secret = 'whs-of-the-account';
const body = Buffer.from('{"batch_id":"b1","results":[{"id":"s1-0","content":"é\\u2028"}]}');
const signature = createHmac('sha256', secret).update(body).digest('hex');

describe('a signature', () => {
  test('is the HMAC of the body’s bytes, in hexadecimal digits of either case', () => {
    assert.equal(signWebhook(secret, body), signature);
    assert.ok(isSigned({ body, signature }, secret));
    assert.ok(isSigned({ body, signature: ` ${signature.toUpperCase()} ` }, secret));
  });

  const wrong: readonly [string, Buffer, string | undefined, string][] = [
    ['another body', Buffer.from(body.toString().replace('b1', 'b2')), signature, secret],
    [
      'the same JSON in other bytes',
      Buffer.from(JSON.stringify(JSON.parse(body.toString()), null, 1)),
      signature,
      secret,
    ],
    ['another secret', body, signature, 'whs-of-another'],
    ['no secret, which would sign for everybody', body, signWebhook('', body), ''],
    ['no signature', body, undefined, secret],
    ['an empty one', body, '', secret],
    ['one digit changed', body, signature.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')), secret],
    ['its beginning', body, signature.slice(0, 62), secret],
    ['more than it', body, `${signature}00`, secret],
    ['what is not hexadecimal', body, 'z'.repeat(64), secret],
    ['base64', body, Buffer.from(signature, 'hex').toString('base64'), secret],
  ];
  for (const [what, bytes, given, by] of wrong)
    test(`does not pass with ${what}`, () => {
      assert.equal(isSigned({ body: bytes, signature: given }, by), false);
      assert.equal(readWebhook({ body: bytes, signature: given }, by), undefined);
    });
});

describe('a call', () => {
  const call = (text: string) => {
    const bytes = Buffer.from(text);
    return readWebhook({ body: bytes, signature: signWebhook(secret, bytes) }, secret);
  };

  test('tells which job is done, and the same when it comes twice', () => {
    assert.deepEqual(readWebhook({ body, signature }, secret), { handle: 'b1' });
    assert.deepEqual(readWebhook({ body, signature }, secret), { handle: 'b1' });
  });

  test('that is signed and says nothing is refused', () => {
    for (const text of ['', '[]', '{}', '{"batch_id":7}', '{"batch_id":""}', 'not json'])
      assert.equal(call(text), undefined, text);
  });
});
