/** One caller of a drill, and what it sees. */
import { request } from 'undici';
import type { Clock } from '../../core/clock.ts';
import { asObject, asString } from '../../core/json.ts';
import type { Shape } from './shapes.ts';

export interface Seen {
  readonly route: string;
  readonly atMs: number;
  readonly endedAtMs: number;
  /** 0: no answer at all. */
  readonly status: number;
  /** Absent: it was answered. `cut`: the answer broke off. */
  readonly error?: string;
  readonly target?: string;
  readonly decision?: string;
}

export interface Asking {
  readonly url: string;
  readonly clock: Clock;
  readonly key: string | undefined;
  readonly route: string;
  readonly shape: Shape;
  /** After so long the caller has gone. */
  readonly patienceMs: number;
}

export async function ask({ url, clock, key, route, shape, patienceMs }: Asking): Promise<Seen> {
  const atMs = clock.now();
  const gone = new AbortController();
  const cancel = clock.after(patienceMs, () => gone.abort());
  try {
    const answer = await request(`${url}${shape.path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...shape.headers,
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: shape.body,
      signal: gone.signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const text = await answer.body.text();
    const error = answer.statusCode === 200 ? brokenOff(shape, text) : codeOf(text, answer.statusCode);
    const target = answer.headers['x-intermodal-target'];
    const decision = answer.headers['x-intermodal-decision'];
    return {
      route,
      atMs,
      endedAtMs: clock.now(),
      status: answer.statusCode,
      ...(error === undefined ? {} : { error }),
      ...(typeof target === 'string' ? { target } : {}),
      ...(typeof decision === 'string' ? { decision } : {}),
    };
  } catch {
    return { route, atMs, endedAtMs: clock.now(), status: 0, error: 'no-answer' };
  } finally {
    cancel();
  }
}

/** A stream that ends without its last word, or with an error in it. */
function brokenOff({ stream }: Shape, text: string): string | undefined {
  if (!stream) return undefined;
  return /^data: \{"error"/m.test(text) || !text.includes('data: [DONE]') ? 'cut' : undefined;
}

function codeOf(text: string, status: number): string {
  try {
    const error = asObject(asObject(JSON.parse(text))['error']);
    return asString(error['code']) ?? asString(error['type']) ?? String(status);
  } catch {
    return String(status);
  }
}
