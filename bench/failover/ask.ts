/** One request as a caller sees it, in either dialect, streamed or not: raw, so that nothing a client library does is taken for ours. */
export type DialectName = 'openai' | 'anthropic';

export interface Seen {
  readonly status: number;
  readonly target: string | undefined;
  readonly attempts: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
  /** How it ended: with the dialect's own end, its own error, or neither. */
  readonly end: 'clean' | 'error' | 'none';
  readonly outputTokens: number | undefined;
  readonly errorText: string;
  readonly ms: number;
}

export async function ask(
  url: string,
  dialect: DialectName,
  stream: boolean,
  model: string,
  prompt: string,
): Promise<Seen> {
  const startedMs = performance.now();
  const messages = [{ role: 'user', content: prompt }];
  const body =
    dialect === 'openai'
      ? { model, messages, stream, ...(stream ? { stream_options: { include_usage: true } } : {}) }
      : { model, messages, stream, max_tokens: 1000 };
  const response = await fetch(url + (dialect === 'openai' ? '/v1/chat/completions' : '/v1/messages'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const raw = await response.text().catch(() => '');
  const streamed = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  return {
    status: response.status,
    target: response.headers.get('x-intermodal-target') ?? undefined,
    attempts: Number(response.headers.get('x-intermodal-attempts') ?? 0),
    retryAfter: response.headers.get('retry-after') ?? undefined,
    ms: performance.now() - startedMs,
    ...(streamed ? readStream(dialect, raw) : readWhole(dialect, raw)),
  };
}

type Ending = Pick<Seen, 'text' | 'end' | 'outputTokens' | 'errorText'>;

function readWhole(dialect: DialectName, raw: string): Ending {
  const body = JSON.parse(raw);
  if (body.error !== undefined)
    return { text: '', end: 'error', outputTokens: undefined, errorText: body.error.message };
  return dialect === 'openai'
    ? {
        text: body.choices[0].message.content,
        end: 'clean',
        outputTokens: body.usage?.completion_tokens,
        errorText: '',
      }
    : {
        text: body.content.map((block: { text?: string }) => block.text ?? '').join(''),
        end: 'clean',
        outputTokens: body.usage.output_tokens,
        errorText: '',
      };
}

/** Every event must be well-formed: a parse failure here is a failure of the gateway. */
function readStream(dialect: DialectName, raw: string): Ending {
  let text = '';
  let end: Seen['end'] = 'none';
  let outputTokens: number | undefined;
  let errorText = '';
  for (const block of raw.split('\n\n')) {
    const data = block
      .split('\n')
      .find((line) => line.startsWith('data: '))
      ?.slice(6);
    if (data === undefined) continue;
    if (end !== 'none' && data !== '[DONE]') throw new Error(`an event after the end: ${data.slice(0, 100)}`);
    if (data === '[DONE]') {
      end = 'clean';
      continue;
    }
    const event = JSON.parse(data);
    if (event.error !== undefined) {
      end = 'error';
      errorText = event.error.message;
    } else if (dialect === 'openai') {
      text += event.choices[0]?.delta?.content ?? '';
      outputTokens = event.usage?.completion_tokens ?? outputTokens;
    } else {
      if (event.type === 'content_block_delta') text += event.delta.text ?? '';
      if (event.type === 'message_delta') outputTokens = event.usage.output_tokens;
      if (event.type === 'message_stop') end = 'clean';
    }
  }
  return { text, end, outputTokens, errorText };
}
