/**
 * 100,000 bad inputs: fuzzed bodies and headers, chunked and truncated uploads, oversized bodies, deep JSON, invalid UTF-8, duplicate keys, and hostile streams
 * from an upstream. The gateway may refuse them all; it may not crash, answer 500, hang, or grow.
 */
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { startTestGateway } from '../test/support/gateway.ts';
import type { Bench } from './bench.ts';

const concurrency = 64;
const paths = [
  '/v1/chat/completions',
  '/v1/messages',
  '/v1/embeddings',
  '/v1/messages/count_tokens',
  '/v1/models/x',
  '/nope',
];

/** A seeded choice: a run can be repeated. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const good: readonly object[] = [
  {
    model: 'openai',
    messages: [{ role: 'user', content: 'hi' }],
    tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
  },
  {
    model: 'anthropic',
    max_tokens: 10,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
  },
  {
    model: 'vertex-gemini',
    stream: true,
    messages: [
      { role: 'system', content: 'x' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] },
    ],
  },
  {
    model: 'bedrock',
    messages: [
      { role: 'user', content: 'a' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'r' },
    ],
  },
  { model: 'embed', input: ['a', 'b'] },
];

type Make = (next: () => number) => Buffer;

const pick = <T>(next: () => number, list: readonly T[]): T =>
  list[Math.floor(next() * list.length)] ?? (list[0] as T); // lists here are never empty

/** A valid body with one value somewhere replaced by another kind of thing. */
function mutate(value: unknown, next: () => number, depth = 0): unknown {
  if (next() < 0.25 || depth > 6)
    return pick(next, [
      null,
      0,
      -1,
      1e308,
      '',
      'x'.repeat(50),
      [],
      {},
      [[]],
      { a: null },
      true,
      '\u0000',
      '𝒳',
      'data:,',
      Number.MAX_SAFE_INTEGER,
      { type: 'text' },
      [{ type: 'image_url', image_url: 7 }],
    ]);
  if (Array.isArray(value)) return value.map((one) => (next() < 0.5 ? mutate(one, next, depth + 1) : one));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [
    next() < 0.1 ? `${key}x` : key,
    next() < 0.5 ? mutate(one, next, depth + 1) : one,
  ]);
  return Object.fromEntries(next() < 0.1 ? entries.slice(1) : entries);
}

const makers: Readonly<Record<string, Make>> = {
  mutated: (next) => Buffer.from(JSON.stringify(mutate(pick(next, good), next)) ?? 'null'),
  truncated: (next) => {
    const bytes = Buffer.from(JSON.stringify(pick(next, good)));
    return bytes.subarray(0, Math.floor(next() * bytes.length));
  },
  flipped: (next) => {
    const bytes = Buffer.from(JSON.stringify(pick(next, good)));
    for (let count = 0; count < 3; count++)
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    return bytes;
  },
  noise: (next) =>
    Buffer.from(Array.from({ length: Math.floor(next() * 200) }, () => Math.floor(next() * 256))),
  deep: (next) => {
    const depth = 50 + Math.floor(next() * 5000);
    const [open, close] = next() < 0.5 ? ['[', ']'] : ['{"a":', '}'];
    return Buffer.from(`{"model":"openai","messages":${open.repeat(depth)}1${close.repeat(depth)}}`);
  },
  duplicate: (next) =>
    Buffer.from(`{"model":"openai","messages":[],"model":"${pick(next, ['a', 'openai'])}"}`),
  json: (next) =>
    Buffer.from(
      JSON.stringify(fc.sample(fc.jsonValue(), { numRuns: 1, seed: Math.floor(next() * 2 ** 31) })[0]),
    ),
};

export const bench: Bench = {
  about: '100,000 fuzzed requests and hostile upstream streams: no crash, no 500, no hang, no growth.',
  async run({ quick, print }) {
    const total = quick ? 5000 : 100_000;
    const hostile = await startHostile();
    const port = addressOf(hostile);
    const demo = await import('node:fs').then(({ readFileSync }) =>
      readFileSync(new URL('../config/demo.yaml', import.meta.url), 'utf8'),
    );
    const yaml = demo.replace(
      'providers:\n',
      `timeouts: { first_byte: 1s, first_token: 1s, answer: 1s, idle: 500ms }\nretry: { rounds: 1 }\nbreaker: { failures: 1000, window: 1s, ratio: 100% }\nproviders:\n  hostile: { type: openai, api_key: x, base_url: "http://127.0.0.1:${port}/v1" }\n  hostile-claude: { type: anthropic, api_key: x, base_url: "http://127.0.0.1:${port}" }\n`,
    );
    const service = await startTestGateway({ yaml, maxBodyBytes: 200_000 });
    const gatewayPort = Number(new URL(service.url).port);
    const statuses = new Map<string, number>();
    const wrong: string[] = [];
    const crash = (thrown: unknown): void => {
      wrong.push(`uncaught: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
    };
    process.on('uncaughtException', crash);
    process.on('unhandledRejection', crash);
    let done = 0;
    let memoryEarly = 0;
    const names = Object.keys(makers);
    // The stand-ins' own log is not the gateway's memory.
    const measure = (): number => {
      service.simulator.log.clear();
      return heap();
    };
    const worker = async (): Promise<void> => {
      while (done < total) {
        const number = done++;
        const next = random(number * 7919 + 1);
        const name =
          number % 10 === 9 ? 'hostile upstream' : number % 50 === 8 ? 'odd upload' : pick(next, names);
        const seen =
          name === 'hostile upstream'
            ? await askHostile(service.url, next)
            : name === 'odd upload'
              ? await oddUpload(gatewayPort, next)
              : await send(service.url, makers[name]?.(next) ?? Buffer.alloc(0), next);
        statuses.set(`${name} ${seen}`, (statuses.get(`${name} ${seen}`) ?? 0) + 1);
        if (seen === '500' || seen === 'hang') wrong.push(`${name}: ${seen} (input ${number})`);
        if (number === Math.floor(total / 4)) memoryEarly = measure();
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    const memoryLate = measure();
    const defects = service.complaints.filter(
      ({ level, message }) => level === 'error' && message.includes('defect'),
    );
    await service.close();
    hostile.close();
    hostile.closeAllConnections();
    process.off('uncaughtException', crash);
    process.off('unhandledRejection', crash);
    for (const [status, count] of [...statuses].sort())
      print(`  ${status.padEnd(32)}${String(count).padStart(8)}`);
    for (const line of wrong.slice(0, 10)) print(`  ${line}`);
    for (const defect of defects.slice(0, 3))
      print(`  ${defect.message} ${String('err' in defect.fields ? defect.fields.err : '')}`);
    const grownMb = (memoryLate - memoryEarly) / 1e6;
    return {
      figure: `${wrong.length + defects.length} of ${total} went wrong, heap ${grownMb >= 0 ? '+' : ''}${grownMb.toFixed(1)} MB over the last three quarters`,
      wanted: '0 crashes, 500s and hangs; under 20 MB of growth',
      met: wrong.length === 0 && defects.length === 0 && grownMb < 20,
      data: { statuses: Object.fromEntries(statuses), wrong: wrong.slice(0, 100), grownMb },
    };
  },
};

/** What is alive: after two full collections, the second for what the first made reachable by finalisers alone. */
function heap(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  for (let round = 0; round < 2; round++) if (typeof collect === 'function') collect();
  return process.memoryUsage().heapUsed;
}

async function send(url: string, body: Buffer, next: () => number): Promise<string> {
  const headers: Record<string, string> = {
    'content-type': pick(next, ['application/json', 'text/plain', 'x', 'application/json; charset=utf-16']),
  };
  if (next() < 0.1) headers['x-intermodal-deadline'] = pick(next, ['20s', '-1', 'x'.repeat(300), '99999d']);
  if (next() < 0.1) headers['x-intermodal-priority'] = pick(next, ['low', 'HIGH', '']);
  if (next() < 0.1) headers['x-intermodal-tags'] = pick(next, [',,,', 'a,b', '\u00e9'.normalize()]);
  if (next() < 0.05) headers['content-encoding'] = 'gzip';
  const padded = next() < 0.01 ? Buffer.concat([body, Buffer.alloc(300_000, 0x20)]) : body;
  return settle(
    fetch(url + pick(next, paths), {
      method: 'POST',
      headers,
      body: new Uint8Array(padded),
      signal: AbortSignal.timeout(15_000),
    }),
  );
}

async function settle(sent: Promise<Response>): Promise<string> {
  try {
    const response = await sent;
    await response.arrayBuffer();
    return String(response.status);
  } catch (thrown) {
    return thrown instanceof Error && thrown.name === 'TimeoutError' ? 'hang' : 'closed';
  }
}

/** Raw sockets: wrong lengths, broken chunks, half a request and then nothing, request lines of nonsense. */
function oddUpload(port: number, next: () => number): Promise<string> {
  const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
  const text = pick(next, [
    `${head}content-length: 1000\r\n\r\n{"model":`,
    `${head}transfer-encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n`,
    `${head}transfer-encoding: chunked\r\n\r\n5\r\n{"mod`,
    `${head}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    `${head}content-length: -5\r\n\r\n{}`,
    `${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
    `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
    `GET / HTTP/9.9\r\n\r\n`,
    `\u0000\u0001\u0002 nonsense\r\n\r\n`,
    `${head}x-big: ${'a'.repeat(100_000)}\r\n\r\n`,
  ]);
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    // Half a request is never answered: the caller leaves.
    const leave = setTimeout(() => socket.destroy(), 50 + next() * 50);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n\r\n')) socket.end();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(leave);
      resolve(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'closed');
    });
  });
}

function askHostile(url: string, next: () => number): Promise<string> {
  const stream = next() < 0.7;
  const seed = Math.floor(next() * 1e9);
  const chat = next() < 0.5;
  const body = chat
    ? { model: `hostile/seed-${seed}`, stream, messages: [{ role: 'user', content: 'x' }] }
    : {
        model: `${pick(next, ['hostile', 'hostile-claude'])}/seed-${seed}`,
        stream,
        max_tokens: 10,
        messages: [{ role: 'user', content: 'x' }],
      };
  return settle(
    fetch(url + (chat ? '/v1/chat/completions' : '/v1/messages'), {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    }),
  );
}

/** Answers whatever the seed in the model's name says: broken frames, endless lines, wrong types, lies about lengths. */
function startHostile(): Promise<Server> {
  const pieces: readonly string[] = [
    'data: {"id":"a","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n',
    'data: {"choices":[{"index":-5,"delta":null}]}\n\n',
    'data: {"choices":[{"index":1e9,"delta":{"tool_calls":[{"index":0,"function":{"arguments":{}}}]}}]}\n\n',
    'data: {"choices":{}}\n\n',
    'data: null\n\n',
    'data: [1,2]\n\n',
    'data: {"usage":{"prompt_tokens":"x"}}\n\n',
    'data: {"error":"text"}\n\n',
    'data: {"error":{"message":null}}\n\n',
    'event: message_start\ndata: {"type":"message_start","message":null}\n\n',
    'event: content_block_start\ndata: {"type":"content_block_start","index":"x","content_block":{"type":7}}\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":9,"delta":{"type":"text_delta","text":5}}\n\n',
    'event: message_delta\ndata: {"type":"message_delta","delta":7,"usage":[]}\n\n',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ': comment\n\n',
    '\n\n\n\n',
    '\r\r\r',
    'data: {"id":"\ud800"}\n\n',
    `data: ${'{"a":'.repeat(500)}1${'}'.repeat(500)}\n\n`,
    `data: ${'x'.repeat(5000)}`,
    'data: [DONE]\n\n',
    '{"id":"x","choices":[{"message":{"content":["a",{"text":1}]},"finish_reason":7}]}',
    '{"type":"message","content":[{"type":"tool_use","input":"x"}],"usage":null}',
    '{"choices":[]}',
  ];
  const server = createServer((incoming, outgoing) => {
    let text = '';
    incoming.on('data', (chunk) => {
      text += String(chunk);
    });
    incoming.on('end', () => {
      const next = random(Number(/seed-(\d+)/.exec(text)?.[1] ?? 1));
      const type = pick(next, ['text/event-stream', 'application/json', 'text/html', '']);
      outgoing.writeHead(pick(next, [200, 200, 200, 200, 500, 429, 400, 302]), {
        ...(type === '' ? {} : { 'content-type': type }),
        'retry-after': pick(next, ['-1', 'x', '0.001', '1e9']),
      });
      for (let count = Math.floor(next() * 6); count >= 0; count--) outgoing.write(pick(next, pieces));
      const ending = next();
      if (ending < 0.8) outgoing.end();
      else if (ending < 0.97) outgoing.destroy();
      // Else it stays open, silent, until the gateway gives up.
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function addressOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
