import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BedrockRuntimeClient, ConverseCommand, InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { modelInfo } from '../../catalog/catalog.ts';
import type { Clock } from '../../core/clock.ts';
import type { WireRequest } from '../contract.ts';
import { createAuth } from './auth.ts';
import { provider } from './index.ts';

interface Caught {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers every request alike and keeps what it was sent. */
async function catcher(
  answer: (path: string) => { status: number; body: string },
): Promise<{ origin: string; caught: Caught[]; server: Server }> {
  const caught: Caught[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const path = request.url ?? '';
      caught.push({ path, headers: request.headers, body: Buffer.concat(pieces).toString() });
      const { status, body } = answer(path);
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Listening on TCP, an address is never a pipe's name.
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, caught, server };
}

function clockAt(time: string): Clock & { advance(ms: number): void } {
  let nowMs = Date.parse(time);
  return {
    now: () => nowMs,
    after: () => () => undefined,
    advance(ms) {
      nowMs += ms;
    },
  };
}

/** `20261121T003000Z` as a date that parses. */
function amzDate(headers: IncomingHttpHeaders): string {
  return String(headers['x-amz-date']).replace(
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
    '$1-$2-$3T$4:$5:$6Z',
  );
}

const keys = {
  access_key_id: 'AKIDEXAMPLE',
  secret_access_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};

describe('signatures', () => {
  const models = [
    'us.amazon.nova-micro-v1:0',
    'arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/mi1dadi0g15f',
  ];
  for (const id of models) {
    for (const api of ['converse', 'invoke'] as const) {
      for (const token of [undefined, 'session/token==']) {
        test(`${api} of ${id}${token === undefined ? '' : ' with a session'} is signed as the official client signs it`, async () => {
          const { origin, caught, server } = await catcher(() => ({
            status: 200,
            body: '{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"end_turn"}',
          }));
          const client = new BedrockRuntimeClient({
            region: 'eu-west-1',
            endpoint: `${origin}/~bedrock`,
            credentials: {
              accessKeyId: keys.access_key_id,
              secretAccessKey: keys.secret_access_key,
              ...(token === undefined ? {} : { sessionToken: token }),
            },
            authSchemePreference: ['sigv4'],
            maxAttempts: 1,
            requestHandler: new NodeHttpHandler(),
          });
          try {
            if (api === 'converse')
              await client.send(
                new ConverseCommand({
                  modelId: id,
                  messages: [{ role: 'user', content: [{ text: 'Which pier? Ærø’s.' }] }],
                }),
              );
            else await client.send(new InvokeModelCommand({ modelId: id, body: '{"inputText":"pier"}' }));
          } finally {
            client.destroy();
            server.close();
          }
          const [official] = caught;
          assert.ok(official);
          const authorize = createAuth(
            provider.settings.parse({
              ...keys,
              region: 'eu-west-1',
              ...(token === undefined ? {} : { session_token: token }),
            }),
            'eu-west-1',
            { env: {}, clock: clockAt(amzDate(official.headers)) },
          );
          const ours = await authorize({
            method: 'POST',
            origin,
            path: official.path,
            headers: headersToSign(official.headers),
            body: official.body,
          });
          assert.equal(ours.headers['authorization'], official.headers['authorization']);
          assert.equal(ours.headers['x-amz-security-token'], token);
          assert.equal(ours.path, `/~bedrock/model/${encodeURIComponent(id)}/${api}`);
        });
      }
    }
  }

  test('the path that we build is the official one', async () => {
    const made = provider.create(
      'bedrock',
      provider.settings.parse({ ...keys, region: 'eu-west-1', endpoint: 'http://127.0.0.1:9999/~bedrock/' }),
      { env: {}, clock: clockAt('2026-11-21T00:00:00Z') },
    );
    const wire = await made.chat?.(modelInfo(models[1] ?? '')).request('{}', { stream: true, headers: {} });
    assert.equal(wire?.origin, 'http://127.0.0.1:9999');
    assert.equal(
      wire?.path,
      '/~bedrock/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fmi1dadi0g15f/converse-stream',
    );
    assert.match(
      wire?.headers['authorization'] ?? '',
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20261121\/eu-west-1\/bedrock\/aws4_request, SignedHeaders=accept;content-type;host;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
    assert.equal(wire?.headers['host'], undefined);
  });

  test('bytes are signed as the same text is', async () => {
    const sign = createAuth(provider.settings.parse(keys), 'us-east-1', {
      env: {},
      clock: clockAt('2026-11-21T00:00:00Z'),
    });
    const request: WireRequest = {
      method: 'POST',
      origin: 'https://h',
      path: '/m',
      headers: {},
      body: '{"æ":1}',
    };
    const text = await sign(request);
    const bytes = await sign({ ...request, body: Buffer.from('{"æ":1}') });
    assert.equal(text.headers['authorization'], bytes.headers['authorization']);
  });
});

/** What the client's authorization lists, as it was sent. */
function headersToSign(headers: IncomingHttpHeaders): Record<string, string> {
  const listed = /SignedHeaders=([^,]+)/.exec(String(headers.authorization))?.[1]?.split(';') ?? [];
  const made = ['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256'];
  return Object.fromEntries(
    listed.filter((name) => !made.includes(name)).map((name) => [name, String(headers[name])]),
  );
}

describe('which credentials are taken', () => {
  const env = {
    AWS_ACCESS_KEY_ID: 'AKIDENV',
    AWS_SECRET_ACCESS_KEY: 'envsecret',
    AWS_SESSION_TOKEN: 'envsession',
  };
  const table: readonly (readonly [string, object, Readonly<Record<string, string>>, RegExp])[] = [
    [
      'a configured API key before all',
      { bearer_token: 'k1', ...keys },
      { AWS_BEARER_TOKEN_BEDROCK: 'k2' },
      /^Bearer k1$/,
    ],
    [
      'configured keys before the environment’s API key',
      keys,
      { AWS_BEARER_TOKEN_BEDROCK: 'k2' },
      /Credential=AKIDEXAMPLE\//,
    ],
    [
      'the environment’s API key before its keys',
      {},
      { ...env, AWS_BEARER_TOKEN_BEDROCK: 'k2' },
      /^Bearer k2$/,
    ],
    ['the environment’s keys', {}, env, /Credential=AKIDENV\//],
  ];
  for (const [name, values, environment, pattern] of table) {
    test(name, async () => {
      const authorize = createAuth(provider.settings.parse(values), 'us-east-1', {
        env: environment,
        clock: clockAt('2026-11-21T00:00:00Z'),
      });
      const { headers } = await authorize({
        method: 'POST',
        origin: 'https://h',
        path: '/m',
        headers: {},
        body: '',
      });
      assert.match(headers['authorization'] ?? '', pattern);
    });
  }

  test('a profile of the shared config, by AWS’s own chain', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'bedrock-'));
    const file = join(folder, 'credentials');
    writeFileSync(file, '[pier]\naws_access_key_id = AKIDPIER\naws_secret_access_key = piersecret\n');
    // The chain reads the process's own environment, as it does in production.
    const before = process.env['AWS_SHARED_CREDENTIALS_FILE'];
    process.env['AWS_SHARED_CREDENTIALS_FILE'] = file;
    context.after(() => {
      if (before === undefined) delete process.env['AWS_SHARED_CREDENTIALS_FILE'];
      else process.env['AWS_SHARED_CREDENTIALS_FILE'] = before;
      rmSync(folder, { recursive: true });
    });
    const authorize = createAuth(provider.settings.parse({ profile: 'pier' }), 'us-east-1', {
      env,
      clock: clockAt('2026-11-21T00:00:00Z'),
    });
    const request: WireRequest = { method: 'POST', origin: 'https://h', path: '/m', headers: {}, body: '' };
    assert.match((await authorize(request)).headers['authorization'] ?? '', /Credential=AKIDPIER\//);
    const missing = createAuth(provider.settings.parse({ profile: 'nowhere' }), 'us-east-1', {
      env,
      clock: clockAt('2026-11-21T00:00:00Z'),
    });
    await assert.rejects(async () => missing(request), {
      code: 'upstream_auth',
      message: /No AWS credentials/,
    });
  });

  test('an API key needs no promise', () => {
    const authorize = createAuth(provider.settings.parse({ bearer_token: 'k' }), 'us-east-1', {
      env: {},
      clock: clockAt('2026-11-21T00:00:00Z'),
    });
    const signed = authorize({ method: 'POST', origin: 'https://h', path: '/m', headers: {}, body: '' });
    assert.ok(!(signed instanceof Promise));
  });
});

describe('an assumed role', () => {
  const answer = (expiration: string): string =>
    `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>rolesecret</SecretAccessKey><SessionToken>rolesession</SessionToken><Expiration>${expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
  const settings = provider.settings.parse({ ...keys, role_arn: 'arn:aws:iam::123456789012:role/gateway' });
  const request: WireRequest = { method: 'POST', origin: 'https://h', path: '/m', headers: {}, body: '' };

  test('is asked for once, kept, and asked for again before it ends', async () => {
    const { origin, caught, server } = await catcher(() => ({
      status: 200,
      body: answer('2026-11-21T01:00:00Z'),
    }));
    try {
      const clock = clockAt('2026-11-21T00:00:00Z');
      const authorize = createAuth(settings, 'us-east-1', { env: { AWS_ENDPOINT_URL_STS: origin }, clock });
      const [first] = await Promise.all([authorize(request), authorize(request)]);
      assert.match(
        first?.headers['authorization'] ?? '',
        /Credential=ASIAROLE\/20261121\/us-east-1\/bedrock\//,
      );
      assert.equal(first?.headers['x-amz-security-token'], 'rolesession');
      assert.equal(caught.length, 1);
      assert.match(
        caught[0]?.headers.authorization ?? '',
        /Credential=AKIDEXAMPLE\/20261121\/us-east-1\/sts\//,
      );
      assert.match(caught[0]?.body ?? '', /RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fgateway/);
      clock.advance(54 * 60_000);
      await authorize(request);
      assert.equal(caught.length, 1);
      clock.advance(2 * 60_000);
      await authorize(request);
      assert.equal(caught.length, 2);
    } finally {
      server.close();
    }
  });

  test('that is refused is an upstream_auth, and is asked for again by the next call', async () => {
    const { origin, caught, server } = await catcher(() => ({ status: 403, body: '<ErrorResponse/>' }));
    try {
      const authorize = createAuth(settings, 'us-east-1', {
        env: { AWS_ENDPOINT_URL_STS: origin },
        clock: clockAt('2026-11-21T00:00:00Z'),
      });
      for (let round = 1; round <= 2; round++) {
        await assert.rejects(async () => authorize(request), { code: 'upstream_auth' });
        assert.equal(caught.length, round);
      }
    } finally {
      server.close();
    }
  });
});
