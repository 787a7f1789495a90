import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Prompt } from './contract.ts';
import { createPacker, featuresOf, packFeatures, unpackFeatures } from './features.ts';
import { createHeuristic } from './heuristic.ts';
import { mostBuckets, Scan } from './scan.ts';
import { readScorer, type StoredScorer, writeScorer } from './stored.ts';
import { type Example, train } from './train.ts';
import { createTrained } from './trained.ts';

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

const prompt = (text: string): Prompt => ({ text, inputTokens: Math.ceil(text.length / 4) });
const scan = new Scan();
function featuresFor(text: string) {
  scan.read(prompt(text));
  return featuresOf(scan);
}

/** Two kinds of requests of like length; only of the first is the strong model worth anything. */
const things = ['harbour', 'ticket', 'garden', 'window', 'bridge', 'letter', 'engine', 'market'];
function textOf(hard: boolean, random: () => number): string {
  const pick = (): string => things[Math.floor(random() * things.length)] ?? '';
  return hard
    ? `Rewrite the clause on the ${pick()} so that the ${pick()} of the tenant survives`
    : `Translate the note on the ${pick()} so that the ${pick()} of the driver arrives`;
}
function examples(count: number, random: () => number): readonly (Example & { text: string })[] {
  return Array.from({ length: count }, () => {
    const hard = random() < 0.4;
    const text = textOf(hard, random);
    return { text, features: featuresFor(text), worth: hard && random() < 0.7 ? 1 : 0 };
  });
}

const model = train(examples(400, seeded(5)), seeded(6));
const trial = {
  version: 3,
  atMs: 1,
  labels: 400,
  heldOut: 120,
  on: true,
  figures: { learned: 0.7, heuristic: 0.5, length: 0.5, low: 0.1, high: 0.3 },
};
const stored: StoredScorer = { last: trial, active: { trial, model } };

describe('what is kept of a prompt', () => {
  test('comes back as it was, as finely as it means anything', () => {
    const features = featuresFor('If 3.5 of the 12 pumps fail, then what?\n- A. one\n- B. two');
    const back = unpackFeatures(packFeatures(features));
    assert.ok(back !== undefined);
    assert.deepEqual(
      [...back.buckets],
      [...features.buckets].sort((a, b) => a - b),
    );
    for (const [at, value] of features.measures.entries())
      assert.ok(Math.abs((back.measures[at] ?? 99) - value) <= 1 / 1000, `${at}`);
  });

  test('is bounded, however long the prompt is', () => {
    const random = seeded(3);
    const long = Array.from({ length: 20_000 }, () => Math.floor(random() * 1e9).toString(36)).join(' ');
    const features = featuresFor(long);
    assert.equal(features.buckets.length, mostBuckets);
    assert.ok(packFeatures(features).length < 1600, `${packFeatures(features).length}`);
  });

  test('holds no word, and says the same of texts with the same words', () => {
    const packed = createPacker()(prompt('confidential merger with Contoso'));
    assert.ok(packed !== undefined);
    assert.ok(!Buffer.from(packed, 'base64url').toString('latin1').toLowerCase().includes('contoso'));
    const numbers = ['My card is 4111 1111', 'My card is 4222 2222'].map((text) => [
      ...featuresFor(text).buckets,
    ]);
    assert.deepEqual(numbers[0], numbers[1]);
  });

  test('is nothing of no text, and of what is damaged or of another version', () => {
    assert.equal(createPacker()(prompt('')), undefined);
    assert.equal(createPacker()(undefined), undefined);
    assert.equal(unpackFeatures(''), undefined);
    assert.equal(unpackFeatures('@@@'), undefined);
    const bytes = Buffer.from(packFeatures(featuresFor('hello there')), 'base64url');
    bytes[0] = 99;
    assert.equal(unpackFeatures(bytes.toString('base64url')), undefined);
    const over = Buffer.concat([
      Buffer.from(packFeatures(featuresFor('x')), 'base64url'),
      Buffer.from([0xff, 0xff]),
    ]);
    assert.equal(unpackFeatures(over.toString('base64url')), undefined);
  });
});

describe('a trained scorer', () => {
  const scorer = createTrained('trained:r@3', model);

  test('tells apart what the heuristic cannot', () => {
    const fresh = examples(200, seeded(77));
    const mean = (hard: boolean): number => {
      const scores = fresh
        .filter(({ text }) => text.startsWith('Rewrite') === hard)
        .map(({ text }) => scorer.score(prompt(text)).score);
      return scores.reduce((sum, score) => sum + score, 0) / scores.length;
    };
    assert.ok(mean(true) > mean(false) + 0.4, `${mean(true)} against ${mean(false)}`);
  });

  test('names itself, and its parts make its score', () => {
    const { score, parts, scorer: name } = scorer.score(prompt(textOf(true, seeded(9))));
    assert.equal(name, 'trained:r@3');
    assert.ok(Math.abs(parts.reduce((sum, { value, weight }) => sum + value * weight, 0) - score) < 1e-12);
    assert.deepEqual(
      parts.map((part) => part.name),
      ['learnt', 'heuristic'],
    );
  });

  test('leaves to the heuristic what is unlike all that it has learnt from', () => {
    const code = `def f(x):\n    return [y ** 2 for y in x if y % 3 == 0]\n\n${'assert f([1, 2, 3]) == [9]\n'.repeat(30)}`;
    const weightOf = (text: string): number => scorer.score(prompt(text)).parts[0]?.weight ?? 1;
    assert.ok(weightOf(code) < 0.2, `${weightOf(code)}`);
    assert.ok(weightOf(textOf(false, seeded(4))) > 0.8, `${weightOf(textOf(false, seeded(4)))}`);
    const plain = createHeuristic();
    const texts = [
      code,
      code.repeat(3),
      `${code}${'Why must each x be less than y, if all z are more? '.repeat(20)}`,
    ];
    const order = (score: (text: string) => number): readonly string[] =>
      texts.toSorted((a, b) => score(a) - score(b));
    assert.deepEqual(
      order((text) => scorer.score(prompt(text)).score),
      order((text) => plain.score(prompt(text)).score),
    );
  });

  test('is the same after it was written and read, but for the last digits', () => {
    const back = readScorer(JSON.parse(JSON.stringify(writeScorer(stored))));
    assert.ok(back?.active !== undefined);
    const again = createTrained('trained:r@3', back.active.model);
    for (const { text } of examples(50, seeded(8))) {
      const [a, b] = [scorer.score(prompt(text)).score, again.score(prompt(text)).score];
      assert.ok(Math.abs(a - b) < 1e-4, `${a} and ${b}`);
    }
    assert.ok(JSON.stringify(writeScorer(stored)).length < 80_000);
  });

  test('is learnt the same from the same labels and the same chance', () => {
    assert.deepEqual(train(examples(400, seeded(5)), seeded(6)), model);
  });
});

describe('a stored scorer', () => {
  const json = (): { active?: { model: Record<string, unknown> }; format: number; measures: number } =>
    JSON.parse(JSON.stringify(writeScorer(stored)));

  test('that is damaged or of another version is none', () => {
    assert.equal(readScorer(undefined), undefined);
    assert.equal(readScorer({ ...json(), format: 2 }), undefined);
    assert.equal(readScorer({ ...json(), measures: 999 }), undefined);
    const short = json();
    if (short.active !== undefined) short.active.model['bucketWeights'] = 'AAAA';
    assert.equal(readScorer(short), undefined);
    const wild = json();
    if (wild.active !== undefined)
      wild.active.model['mean'] = Buffer.alloc(4 * model.mean.length, 0xff).toString('base64');
    assert.equal(readScorer(wild), undefined);
  });

  test('may be off: the last training alone is known', () => {
    assert.deepEqual(readScorer(JSON.parse(JSON.stringify(writeScorer({ last: trial })))), { last: trial });
  });
});

describe('training', () => {
  test('on labels that are all alike claims nothing', () => {
    const same = examples(50, seeded(2)).map(({ features }) => ({ features, worth: 0 }));
    const flat = createTrained('t', train(same, seeded(1)));
    const { score } = flat.score(prompt(textOf(true, seeded(1))));
    assert.ok(Number.isFinite(score) && score >= 0 && score <= 1);
  });

  test('on nothing is refused', () => assert.throws(() => train([], seeded(1)), RangeError));
});
