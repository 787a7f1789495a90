/** Items that are answered without a call: by a rule, or by earlier work that its owner allows to be used again. */
import type { Batch } from './contract.ts';
import type { Draft } from './draft.ts';
import { prefilter } from './prefilter.ts';
import { SegmentWriter } from './segment.ts';
import type { ItemCall } from './shape/contract.ts';
import type { BatchWorldInside } from './world.ts';

export interface RuleAnswer {
  readonly item: Draft;
  /** JSON text in the caller's dialect. */
  readonly body: string;
}

export function answerByRule(world: Pick<BatchWorldInside, 'prefilter'>, call: ItemCall): string | undefined {
  const rules = world.prefilter();
  if (rules.length === 0 || call.operation !== 'chat') return undefined;
  const text = prefilter(rules, call.lastText());
  return text === undefined ? undefined : JSON.stringify(call.encodeAnswer(call.answerOf(text)));
}

/** Returns how many: not those that are twins, or rejected after all. */
export async function writeRuleAnswers(
  world: BatchWorldInside,
  batch: Batch,
  answers: readonly RuleAnswer[],
): Promise<number> {
  const open = answers.filter(({ item }) => item.state === 'waiting' || item.state === 'alone');
  const segment = new SegmentWriter(world, batch.no, `rules-${open[0]?.item.seq ?? 0}`);
  const places = open.map(({ body }) => segment.add(body));
  const number = await segment.close();
  open.forEach(({ item }, index) => {
    const place = places[index];
    if (number === undefined || place === undefined) return;
    item.state = 'done';
    item.result = { segment: number, ...place, costNanoUsd: 0, listNanoUsd: 0 };
  });
  return open.length;
}

/** Returns how many. */
export async function reuseAnswers(
  world: BatchWorldInside,
  batch: Batch,
  items: readonly Draft[],
): Promise<number> {
  const reuseMs = batch.reuseMs ?? world.settings().reuseMs;
  if (reuseMs === undefined) return 0;
  const open = items.filter(({ state }) => state === 'waiting' || state === 'alone');
  const hashes = open.map(({ hash }) => hash);
  const found = await world.rows.answers.find(batch.owner, hashes, world.clock.now() - reuseMs);
  const byHash = new Map(found.filter(({ shape }) => shape === batch.shape).map((one) => [one.hash, one]));
  const segment = new SegmentWriter(world, batch.no, `reused-${open[0]?.seq ?? 0}`);
  const taken: { item: Draft; place: { at: number; bytes: number }; list: number }[] = [];
  for (const item of open) {
    const answer = byHash.get(item.hash);
    if (answer === undefined) continue;
    const parts: Uint8Array[] = [];
    for await (const part of world.blobs.read(answer.blob, answer.at, answer.at + answer.bytes))
      parts.push(part);
    // Copied, so that it does not go when the other batch goes.
    const place = segment.add(Buffer.concat(parts).toString('utf8'));
    taken.push({ item, place, list: answer.listNanoUsd });
  }
  const number = await segment.close();
  if (number === undefined) return 0;
  for (const { item, place, list } of taken) {
    item.state = 'done';
    item.result = { segment: number, ...place, costNanoUsd: 0, listNanoUsd: list };
  }
  return taken.length;
}
