/** What one recording must stand: decode without loss, at every cut, and back into every client dialect; or land on the right error. */
import { deepStrictEqual } from 'node:assert';
import { modelInfo } from '../../src/catalog/catalog.ts';
import { type Answer, createFold } from '../../src/core/answer.ts';
import { systemClock } from '../../src/core/clock.ts';
import { GatewayError } from '../../src/core/errors.ts';
import type { StreamEvent } from '../../src/core/event.ts';
import type { ChatRequest } from '../../src/core/request.ts';
import type { ChatDialect } from '../../src/gateway/dialects/contract.ts';
import { dialectFolders } from '../../src/gateway/dialects/registry.ts';
import type { ChatEndpoint } from '../../src/providers/contract.ts';
import { providerTypes } from '../../src/providers/registry.ts';
import { wantedCodes } from './errors.ts';
import { type Recording, streamBytes, subjectOf } from './recordings.ts';
import { type Truth, truthOf } from './truth.ts';

const mostSplits = 250;

/** Throws what is wrong. The answer is why a recording is an exception, if it is one. */
export function checkRecording(recording: Recording): string | undefined {
  const subject = subjectOf(recording);
  if (subject.kind === 'other') return subject.why;
  const { response } = recording;
  if (response.status >= 400) {
    if (subject.kind === 'count') return undefined;
    const body = response.body === undefined ? (response.body_text ?? '') : JSON.stringify(response.body);
    checkError(
      recording.case,
      subject.endpoint.readError({ status: response.status, headers: response.headers ?? {}, body }),
    );
    return undefined;
  }
  if (subject.kind === 'embedding') {
    if (subject.endpoint.readAnswer(response.body).vectors.length === 0) throw new Error('no vectors');
    return undefined;
  }
  if (subject.kind === 'count') {
    if (!(subject.readAnswer(response.body).inputTokens > 0)) throw new Error('no count');
    return undefined;
  }
  checkChat(recording, subject.endpoint);
  return undefined;
}

function checkError(name: string, error: GatewayError): void {
  const wanted = wantedCodes(name);
  if (wanted !== undefined && !wanted.includes(error.code))
    throw new Error(`landed on ${error.code}, not ${wanted.join(' or ')}`);
}

function checkChat(recording: Recording, endpoint: ChatEndpoint): void {
  const bytes = streamBytes(recording);
  const read = (cuts: readonly number[]): StreamEvent[] =>
    bytes === undefined ? readWhole(endpoint, recording.response.body) : readStream(endpoint, bytes, cuts);
  let events: StreamEvent[];
  let answer: Answer;
  try {
    events = read([]);
    answer = fold(events);
  } catch (thrown) {
    // A recorded stream that broke: the break must be told, as the right kind.
    if (!(thrown instanceof GatewayError)) throw thrown;
    if (
      !/error|exception|filtered|missing-terminal|vertex-event|malformed|spliced|guard/.test(recording.case)
    )
      throw thrown;
    if (/error|exception/.test(recording.case)) checkError(recording.case.replace('vai-', ''), thrown);
    return;
  }
  const truth = truthOf(recording);
  if (truth !== undefined) compareTruth(answer, truth);
  if (bytes !== undefined) checkCuts(bytes, answer, read);
  for (const dialect of chatDialects) checkDialect(dialect, events, answer);
}

function readWhole(endpoint: ChatEndpoint, body: unknown): StreamEvent[] {
  const events: StreamEvent[] = [];
  endpoint.readAnswer(body, (event) => events.push(event));
  return events;
}

function readStream(endpoint: ChatEndpoint, bytes: Buffer, cuts: readonly number[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const reader = endpoint.openStream();
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    reader.push(bytes.subarray(from, cut), (event) => events.push(event));
    from = cut;
  }
  reader.finish((event) => events.push(event));
  return events;
}

function fold(events: readonly StreamEvent[]): Answer {
  const folded = createFold();
  for (const event of events) folded.add(event);
  return folded.answer();
}

/** Ids that a decoder makes up differ from run to run; all else must be equal. */
const comparable = (answer: Answer): unknown => ({
  ...answer,
  choices: answer.choices.map((choice) => ({
    ...choice,
    blocks: choice.blocks.map((block) => (block.type === 'tool-call' ? { ...block, id: '' } : block)),
  })),
});

function checkCuts(bytes: Buffer, answer: Answer, read: (cuts: readonly number[]) => StreamEvent[]): void {
  const wanted = comparable(answer);
  deepStrictEqual(
    comparable(fold(read([...bytes.keys()].slice(1)))),
    wanted,
    'byte by byte it reads otherwise',
  );
  const step = Math.max(1, Math.floor(bytes.length / mostSplits));
  for (let cut = 1; cut < bytes.length; cut += step)
    deepStrictEqual(comparable(fold(read([cut]))), wanted, `cut at ${cut} it reads otherwise`);
}

interface Gist {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[];
  readonly ids: readonly string[];
}

function gist(answer: Answer, choices = answer.choices.length): Gist {
  const blocks = answer.choices.slice(0, choices).flatMap((choice) => choice.blocks);
  const calls = blocks.flatMap((block) => (block.type === 'tool-call' ? [block] : []));
  return {
    text: blocks.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    calls: calls.map((call) => ({ name: call.name, arguments: argumentsOf(call.arguments, call.kind) })),
    ids: calls.map((call) => call.id),
  };
}

function argumentsOf(text: string, kind: string): unknown {
  if (kind === 'custom') return text;
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    // Cut by a token limit, or spliced by the recorder: Messages keeps such a text under a name that says so.
    return { _raw_arguments: text };
  }
}

function compareTruth(answer: Answer, truth: Truth): void {
  const ours = gist(answer);
  deepStrictEqual(ours.text, truth.text, 'text differs from the recording');
  if (truth.calls.length > 0) deepStrictEqual(ours.calls, truth.calls, 'calls differ from the recording');
  if (truth.ids.length > 0) deepStrictEqual(ours.ids, truth.ids, 'call ids differ from the recording');
  if (truth.input !== undefined)
    deepStrictEqual(answer.usage?.inputTokens, truth.input, 'input tokens differ from the recording');
  if (truth.output !== undefined)
    deepStrictEqual(answer.usage?.outputTokens, truth.output, 'output tokens differ from the recording');
}

const chatDialects = dialectFolders
  .flatMap((folder) => folder.dialects)
  .filter((dialect): dialect is ChatDialect => dialect.operation === 'chat');

/** Reads back what a dialect wrote: an endpoint of its own protocol. */
const readers = new Map(
  Object.entries({ openai: { api_key: 'x' }, anthropic: { api_key: 'x' } }).flatMap(
    ([type, settings]): [string, ChatEndpoint][] => {
      const found = providerTypes[type];
      const endpoint = found
        ?.create(type, found.settings.parse(settings), { env: {}, clock: systemClock })
        .chat?.(modelInfo('unknown'));
      return endpoint === undefined ? [] : [[endpoint.protocol, endpoint]];
    },
  ),
);

function checkDialect(dialect: ChatDialect, events: readonly StreamEvent[], answer: Answer): void {
  const reader = readers.get(dialect.protocol);
  if (reader === undefined) throw new Error(`nothing reads ${dialect.protocol} back`);
  const request: ChatRequest = {
    kind: 'chat',
    model: 'm',
    system: [],
    messages: [],
    tools: [],
    stream: true,
    streamUsage: true,
    extensions: {},
  };
  const context = { requestId: 'req_x', nowS: 1, request };
  const encoder = dialect.openStream(context);
  const text = events.map((event) => encoder.write(event)).join('');
  const whole = fold(readWhole(reader, JSON.parse(JSON.stringify(dialect.encodeAnswer(answer, context)))));
  const streamed = fold(readStream(reader, Buffer.from(text), []));
  // Messages has one answer; Chat Completions has as many as were asked for.
  const choices = dialect.protocol === 'anthropic-messages' ? 1 : answer.choices.length;
  for (const [how, back] of [
    ['whole', whole],
    ['streamed', streamed],
  ] as const) {
    deepStrictEqual(
      withRefusals(back, choices),
      withRefusals(answer, choices),
      `lost on the way into ${dialect.id}, ${how}`,
    );
    deepStrictEqual(
      back.choices.slice(0, choices).map(stopOf),
      answer.choices.slice(0, choices).map(stopOf),
      `another stop in ${dialect.id}, ${how}`,
    );
    if (answer.usage?.inputTokens !== undefined)
      deepStrictEqual(
        back.usage?.inputTokens,
        answer.usage.inputTokens,
        `input tokens in ${dialect.id}, ${how}`,
      );
    if (answer.usage?.outputTokens !== undefined)
      deepStrictEqual(
        back.usage?.outputTokens,
        answer.usage.outputTokens,
        `output tokens in ${dialect.id}, ${how}`,
      );
  }
}

/** A refusal is text to a dialect without refusals. */
function withRefusals(answer: Answer, choices: number): Gist {
  const own = gist(answer, choices);
  const blocks = answer.choices.slice(0, choices).flatMap((choice) => choice.blocks);
  return {
    ...own,
    text: blocks
      .map((block) => (block.type === 'text' || block.type === 'refusal' ? block.text : ''))
      .join(''),
  };
}

/** Stops that both dialects can tell apart. */
const shared: Readonly<Record<string, string>> = {
  end: 'end',
  'stop-sequence': 'end',
  other: 'end',
  pause: 'end',
  refusal: 'refusal',
  filter: 'refusal',
  length: 'length',
  context: 'length',
  tool: 'tool',
};
function stopOf(choice: Answer['choices'][number]): string {
  const kind = shared[choice.stop.kind] ?? choice.stop.kind;
  // A model's own refusal ends with `stop` in Chat Completions.
  return kind === 'refusal' ? 'end' : kind;
}
