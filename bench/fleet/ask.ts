/** One request of a closed-loop client: plain `node:http`, so that nothing a client library does is taken for ours. */
import { Agent, request } from 'node:http';

export type DialectName = 'openai' | 'anthropic';

export interface Asked {
  readonly url: string;
  readonly dialect: DialectName;
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly stream: boolean;
  /** For the ledger. */
  readonly tag?: string;
  /** Hangs up this long after it was sent. */
  readonly hangUpMs?: number;
}

export interface Answered {
  /** 0: no answer. */
  readonly status: number;
  /** `clean`: the dialect's own end. `left`: we hung up. `gone`: the connection broke. */
  readonly end: 'clean' | 'error' | 'left' | 'gone';
  readonly ms: number;
  /** The answer, or what went wrong. */
  readonly text: string;
}

const paths: Readonly<Record<DialectName, string>> = {
  openai: '/v1/chat/completions',
  anthropic: '/v1/messages',
};

export const makeAgent = (): Agent => new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

export function ask(agent: Agent, asked: Asked): Promise<Answered> {
  const { url, dialect, model, prompt, maxTokens, stream, tag, hangUpMs } = asked;
  const startedMs = performance.now();
  const usage = stream && dialect === 'openai' ? { stream_options: { include_usage: true } } : {};
  const messages = [{ role: 'user', content: prompt }];
  const body = JSON.stringify({ model, messages, max_tokens: maxTokens, stream, ...usage });
  return new Promise((resolve) => {
    let over = false;
    let status = 0;
    let text = '';
    let leaving: ReturnType<typeof setTimeout> | undefined;
    const finish = (end: Answered['end'], why = text): void => {
      if (over) return;
      over = true;
      clearTimeout(leaving);
      resolve({ status, end, ms: performance.now() - startedMs, text: why });
    };
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(tag === undefined ? {} : { 'x-intermodal-tags': tag }),
    };
    const call = request(url + paths[dialect], { agent, method: 'POST', headers }, (response) => {
      status = response.statusCode ?? 0;
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => finish(status === 200 ? endOf(text, stream, dialect) : 'error'));
      response.on('close', () => finish('gone', `broken off after: ${text.slice(-200)}`));
    });
    call.on('error', (error) => finish('gone', error.message));
    if (hangUpMs !== undefined)
      leaving = setTimeout(() => {
        finish('left');
        call.destroy();
      }, hangUpMs);
    call.end(body);
  });
}

function endOf(text: string, stream: boolean, dialect: DialectName): 'clean' | 'error' {
  if (!stream) return text.endsWith('}') ? 'clean' : 'error';
  const end = dialect === 'openai' ? 'data: [DONE]\n\n' : 'event: message_stop\n';
  return text.includes(end) && !/^(?:event: error|data: \{"error")/m.test(text) ? 'clean' : 'error';
}
