/** The simulator invents no wire shape: every field that it sends stands in some recorded answer of the same API. */
import { existsSync } from 'node:fs';
import { isObject } from '../src/core/json.ts';
import { startSimulator } from '../src/simulator/server.ts';
import { createAwsSplitter } from '../src/wire/aws-event-stream.ts';
import type { Bench } from './bench.ts';
import { type Recording, readRecordings } from './conformance/recordings.ts';

const user = { role: 'user', content: 'Both, please [[parallel]]' };
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const chatTools = { tools: [{ type: 'function', function: { name: 'f', parameters: schema } }] };
const claudeTools = { tools: [{ name: 'f', input_schema: schema }] };
const geminiTools = { tools: [{ functionDeclarations: [{ name: 'f', parameters: schema }] }] };
const contents = [{ role: 'user', parts: [{ text: 'Hello' }] }];
const turns = [{ role: 'user', content: [{ text: 'Hello' }] }];
const usage = { stream_options: { include_usage: true } };
const claude = { max_tokens: 3000, messages: [user] };
const thinking = { thinking: { type: 'enabled', budget_tokens: 1024 } };
const vertex = '/v1/projects/p/locations/l/publishers';
const converse = { messages: turns, additionalModelRequestFields: { thinking: { type: 'enabled' } } };
const toolConfig = { toolConfig: { tools: [{ toolSpec: { name: 'f', inputSchema: { json: schema } } }] } };

/** Recordings' folder, path, headers, bodies. */
const probes: readonly [string, string, Record<string, string>, readonly object[]][] = [
  [
    'openai-chat',
    '/v1/chat/completions',
    { authorization: 'Bearer x' },
    [
      { model: 'm', messages: [user] },
      { model: 'm', messages: [user], ...chatTools },
      { model: 'm', messages: [user], stream: true, ...usage },
      { model: 'm', messages: [user], stream: true, ...chatTools },
    ],
  ],
  ['openai-embeddings', '/v1/embeddings', { authorization: 'Bearer x' }, [{ model: 'm', input: 'a' }]],
  [
    'azure-openai',
    '/openai/deployments/m/chat/completions',
    { 'api-key': 'x' },
    [{ messages: [user] }, { messages: [user], stream: true }],
  ],
  [
    'anthropic',
    '/v1/messages',
    { 'x-api-key': 'x' },
    [
      { model: 'm', ...claude },
      { model: 'm', ...claude, ...claudeTools },
      { model: 'm', ...claude, ...thinking, stream: true },
      { model: 'm', ...claude, ...claudeTools, stream: true },
    ],
  ],
  ['vertex-claude', `${vertex}/anthropic/models/m:streamRawPredict`, { authorization: 'Bearer x' }, [claude]],
  [
    'vertex-gemini',
    `${vertex}/google/models/m:generateContent`,
    { authorization: 'Bearer x' },
    [{ contents }, { contents, ...geminiTools }],
  ],
  [
    'vertex-gemini',
    `${vertex}/google/models/m:streamGenerateContent?alt=sse`,
    { authorization: 'Bearer x' },
    [
      { contents, generationConfig: { thinkingConfig: { includeThoughts: true } } },
      { contents, ...geminiTools },
    ],
  ],
  [
    'bedrock-converse',
    '/model/m/converse',
    { authorization: 'Bearer x' },
    [converse, { ...converse, ...toolConfig }],
  ],
  [
    'bedrock-converse',
    '/model/m/converse-stream',
    { authorization: 'Bearer x' },
    [converse, { ...converse, ...toolConfig }],
  ],
  [
    'bedrock-invoke',
    '/model/m/invoke-with-response-stream',
    { authorization: 'Bearer x' },
    [{ ...claude, anthropic_version: 'x' }],
  ],
];

/** Folders whose APIs share a shape by their makers' own word. */
const kin: Readonly<Record<string, readonly string[]>> = {
  'azure-openai': ['openai-chat'],
  'vertex-claude': ['anthropic'],
  'bedrock-invoke': ['anthropic'],
  'vertex-gemini': ['gemini-aistudio'],
};

/** What a model writes has the caller's fields, not the vendor's. */
const free = new Set(['input', 'args', 'arguments']);

function pathsOf(value: unknown, path: string, into: Set<string>): void {
  if (Array.isArray(value)) for (const one of value) pathsOf(one, `${path}[]`, into);
  else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      into.add(`${path}.${key}`);
      if (!free.has(key)) pathsOf(inner, `${path}.${key}`, into);
    }
  }
}

function recordedValues({ response }: Recording): readonly unknown[] {
  if (response.events !== undefined)
    return response.events.map(
      ({ payload }) =>
        (payload['bytes_decoded'] ??
          (typeof payload['bytes'] === 'string'
            ? JSON.parse(Buffer.from(payload['bytes'], 'base64').toString())
            : payload)) as unknown,
    );
  if (response.sse !== undefined) return readSse(response.sse.join('\n\n'));
  return Array.isArray(response.body) ? response.body : [response.body];
}

function readSse(text: string): readonly unknown[] {
  return text.split(/\r?\n\r?\n/).flatMap((block) => {
    const data = block
      .split(/\r?\n/)
      .find((line) => line.startsWith('data:'))
      ?.slice(5)
      .trim();
    try {
      return data === undefined || data === '[DONE]' ? [] : [JSON.parse(data) as unknown];
    } catch {
      // Some recordings are of streams that broke.
      return [];
    }
  });
}

async function simulatedValues(response: Response): Promise<readonly unknown[]> {
  const bytes = Buffer.from(await response.arrayBuffer());
  if (response.headers.get('content-type')?.includes('eventstream') === true) {
    return createAwsSplitter()
      .push(bytes)
      .map(({ data }) => {
        const payload: unknown = JSON.parse(data);
        return isObject(payload) && typeof payload['bytes'] === 'string'
          ? (JSON.parse(Buffer.from(payload['bytes'], 'base64').toString()) as unknown)
          : payload;
      });
  }
  const text = bytes.toString();
  return text.startsWith('{') ? [JSON.parse(text) as unknown] : readSse(text);
}

export const bench: Bench = {
  about: 'Every field that the simulator sends stands in a recorded answer of the same API.',
  async run({ recordings: folder, print }) {
    if (!existsSync(folder))
      return {
        figure: `no recordings in ${folder}`,
        wanted: 'recordings, see --recordings',
        met: false,
        data: {},
      };
    const recorded = new Map<string, Set<string>>();
    for (const recording of readRecordings(folder)) {
      const name = recording.case.split('/')[0] ?? '';
      const paths = recorded.get(name) ?? new Set<string>();
      recorded.set(name, paths);
      for (const value of recordedValues(recording)) pathsOf(value, '', paths);
    }
    const simulator = await startSimulator();
    const invented: string[] = [];
    let fields = 0;
    try {
      for (const [name, path, headers, bodies] of probes) {
        const known = [name, ...(kin[name] ?? [])].map((one) => recorded.get(one) ?? new Set<string>());
        for (const body of bodies) {
          const response = await fetch(simulator.url + path, {
            method: 'POST',
            headers,
            body: JSON.stringify(body),
          });
          const sent = new Set<string>();
          for (const value of await simulatedValues(response)) pathsOf(value, '', sent);
          if (response.status !== 200 || sent.size === 0)
            invented.push(`${name} ${path}: status ${response.status}`);
          fields += sent.size;
          for (const field of sent)
            if (!known.some((paths) => paths.has(field)))
              invented.push(`${name} ${path.split('/').at(-1)}: ${field}`);
        }
      }
    } finally {
      await simulator.close();
    }
    for (const line of new Set(invented)) print(`  ${line}`);
    return {
      figure: `${new Set(invented).size} of ${fields} fields are in no recording`,
      wanted: '0',
      met: invented.length === 0,
      data: { fields, invented },
    };
  },
};
