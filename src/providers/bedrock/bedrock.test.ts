import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import type { Provider } from '../contract.ts';
import { provider } from './index.ts';

function bedrock(values: object = {}, env: Readonly<Record<string, string>> = {}): Provider {
  const settings = provider.settings.parse({ bearer_token: 'k', ...values });
  return provider.create('bedrock', settings, { env, clock: systemClock });
}

const nova = 'us.amazon.nova-micro-v1:0';
const claude = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
const opaque = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f';
const named =
  'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0';

describe('addresses', () => {
  const table: readonly (readonly [string, object, Readonly<Record<string, string>>, string])[] = [
    ['a region', { region: 'eu-west-1' }, {}, 'https://bedrock-runtime.eu-west-1.amazonaws.com/model/'],
    [
      'the region of the environment',
      {},
      { AWS_REGION: 'eu-north-1', AWS_DEFAULT_REGION: 'us-west-2' },
      'https://bedrock-runtime.eu-north-1.amazonaws.com/model/',
    ],
    [
      'its other name',
      {},
      { AWS_DEFAULT_REGION: 'us-west-2' },
      'https://bedrock-runtime.us-west-2.amazonaws.com/model/',
    ],
    ['none at all', {}, {}, 'https://bedrock-runtime.us-east-1.amazonaws.com/model/'],
    ['China', { region: 'cn-north-1' }, {}, 'https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/'],
    ['an endpoint', { endpoint: 'http://127.0.0.1:9999' }, {}, 'http://127.0.0.1:9999/model/'],
    ['with a slash', { endpoint: 'http://127.0.0.1:9999/' }, {}, 'http://127.0.0.1:9999/model/'],
    [
      'with a prefix',
      { endpoint: 'http://127.0.0.1:9999/~bedrock' },
      {},
      'http://127.0.0.1:9999/~bedrock/model/',
    ],
    [
      'with both, under its other name',
      { base_url: 'http://127.0.0.1:9999/~bedrock/' },
      {},
      'http://127.0.0.1:9999/~bedrock/model/',
    ],
    [
      'the endpoint of the environment',
      {},
      { AWS_ENDPOINT_URL_BEDROCK_RUNTIME: 'https://vpce-1.example' },
      'https://vpce-1.example/model/',
    ],
  ];
  for (const [name, values, env, expected] of table) {
    test(name, async () => {
      const wire = await bedrock(values, env)
        .chat?.(modelInfo(nova))
        .request('{}', { stream: false, headers: {} });
      assert.equal(`${wire?.origin}${wire?.path}`, `${expected}us.amazon.nova-micro-v1%3A0/converse`);
      assert.equal(wire?.method, 'POST');
      assert.equal(wire?.headers['content-type'], 'application/json');
    });
  }

  test('a missing region is told', () => {
    assert.match(bedrock().warning ?? '', /no region.*AWS_REGION or region/);
    assert.equal(bedrock({ region: 'us-east-1' }).warning, undefined);
  });
});

describe('which API', () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['auto', claude, 'invoke'],
    ['auto', named, 'invoke'],
    ['auto', 'anthropic.claude-3-haiku-20240307-v1:0', 'invoke'],
    ['auto', nova, 'converse'],
    ['auto', opaque, 'converse'],
    ['auto', 'us.meta.llama3-3-70b-instruct-v1:0', 'converse'],
    ['converse', claude, 'converse'],
    ['invoke', claude, 'invoke'],
    ['invoke', opaque, 'invoke'],
    ['invoke', nova, 'converse'],
  ];
  for (const [api, id, verb] of table) {
    test(`api ${api}: ${id} goes by ${verb}`, async () => {
      const chat = bedrock({ api }).chat?.(modelInfo(id));
      const wire = await chat?.request('{}', { stream: false, headers: {} });
      assert.equal(wire?.path, `/model/${encodeURIComponent(id)}/${verb}`);
      assert.equal(chat?.protocol, verb === 'invoke' ? 'anthropic-messages' : 'converse');
      assert.equal(chat?.forward !== undefined, verb === 'invoke');
      const streamed = await chat?.request('{}', { stream: true, headers: {} });
      assert.equal(streamed?.headers['accept'], 'application/vnd.amazon.eventstream');
    });
  }

  test('media by URL is carried by neither', () => {
    for (const id of [claude, nova]) {
      const carries = bedrock().chat?.(modelInfo(id)).carries;
      assert.equal(carries?.has('tools'), true);
      assert.equal(carries?.has('image-url'), false);
      assert.equal(carries?.has('document-url'), false);
    }
  });
});

describe('settings', () => {
  const refused: readonly (readonly [string, object])[] = [
    ['an unknown key', { regoin: 'us-east-1' }],
    ['half a key pair', { access_key_id: 'AKID' }],
    ['the other half', { secret_access_key: 's' }],
    ['a region that is none', { region: 'us east 1' }],
    ['a role that is no ARN', { role_arn: 'gateway' }],
    ['an endpoint that is no URL', { endpoint: 'bedrock' }],
    ['another API', { api: 'batch' }],
  ];
  for (const [name, values] of refused) {
    test(`${name} is refused`, () => assert.equal(provider.settings.safeParse(values).success, false));
  }
});
