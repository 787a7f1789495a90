/** Real answers of several models to the same questions, with what each was worth: the ZeroEval results for GSM8K and CRUX, read from outside the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Answer } from '../../src/core/answer.ts';
import { agreementOf } from '../../src/router/cascade/agreement.ts';

const shape = z.object({
  bench: z.string(),
  ok: z.record(z.string(), z.number()),
  pred: z.record(z.string(), z.string().nullable()),
  resp: z.record(z.string(), z.string()),
});

export const cheap = 'claude-3-5-haiku-20241022';
export const second = 'gpt-4o-mini-2024-07-18';
export const strongs = ['claude-3-5-sonnet-20240620', 'claude-3-5-sonnet-20241022'] as const;

/** One question, beside one strong model. */
export interface Asked {
  readonly bench: string;
  /** Agreement of the two cheap answers, as the gateway reads it; absent: it cannot. */
  readonly raw?: number;
  readonly cheapRight: boolean;
  readonly strongRight: boolean;
  /** The cheap answer is the strong one: what an audit sees, which knows no truth. */
  readonly agreed: boolean;
}

/** `undefined`: the data is not there. */
export function readAnswers(folder: string, strong: string): readonly Asked[] | undefined {
  const files = ['zeroeval_gsm', 'zeroeval_crux'].map((name) => join(folder, `${name}.jsonl.gz`));
  if (!files.every((file) => existsSync(file))) return undefined;
  return files.flatMap((file) =>
    gunzipSync(readFileSync(file))
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => readOne(shape.parse(JSON.parse(line)), strong)),
  );
}

function readOne({ bench, ok, pred, resp }: z.output<typeof shape>, strong: string): Asked {
  const raw = agreementOf([answerOf(resp[cheap]), answerOf(resp[second])], 'answer');
  const plain = (model: string): string => (pred[model] ?? '').replace(/\s/g, '').toLowerCase();
  return {
    bench,
    cheapRight: ok[cheap] === 1,
    strongRight: ok[strong] === 1,
    agreed: plain(cheap) === plain(strong),
    ...(raw === undefined ? {} : { raw }),
  };
}

function answerOf(text = ''): Answer {
  return { id: '', model: '', choices: [{ blocks: [{ type: 'text', text }], stop: { kind: 'end' } }] };
}
