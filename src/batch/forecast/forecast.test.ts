import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf } from '../../../test/support/batch-shape.ts';
import { createCalibration } from '../../catalog/calibration.ts';
import { settingsOf } from '../../cli/batches.ts';
import { loadText, writeProblems } from '../../config/load.ts';
import { systemClock } from '../../core/clock.ts';
import { batchFolders } from '../../gateway/batches/registry.ts';
import { dialectFolders } from '../../gateway/dialects/registry.ts';
import { providerTypes } from '../../providers/registry.ts';
import type { UsageRow } from '../../stores/contract.ts';
import { compileRules } from '../prefilter.ts';
import { createExperience } from './experience.ts';
import { Forecaster } from './forecast.ts';
import type { Forecast } from './report.ts';

const yaml = `
providers:
  openai: { type: openai, api_key: k }
  anthropic: { type: anthropic, api_key: k }
  bedrock: { type: bedrock, region: us-east-1, access_key_id: k, secret_access_key: k, batch: { s3: "s3://acme-batch", role_arn: "arn:aws:iam::123456789012:role/b" } }
  local: { type: openai-compatible, base_url: "http://127.0.0.1:1/v1" }
prices:
  openai/nano: { input: $1, cache_read: $0.1, output: $4, batch: 50% }
  openai/full: { input: $10, cache_read: $1, output: $40, batch: 50% }
  openai/half: { input: $5, cache_read: $1, output: $20, batch: 50% }
models:
  openai/nano: { context: 128k }
  openai/full: { context: 128k }
  openai/half: { context: 128k }
routes:
  nano: { chain: [openai/nano@batch] }
  full: { chain: [openai/full@batch] }
  auto: { chain: [openai/nano] }
  marked: { chain: [anthropic/claude-haiku-4-5@batch] }
  few: { chain: ["bedrock/us.amazon.nova-pro-v1:0@batch", openai/nano@batch] }
  here: { chain: [local/llama] }
  sure: { chain: [openai/nano@batch], cascade: { escalate: openai/full@batch, audit: 10% } }
  asked: { chain: [openai/nano@batch], cascade: { confidence: { from: agreement, with: [openai/nano@batch, openai/half@batch] }, escalate: openai/full@batch, audit: 0% } }
  judged: { chain: [openai/nano@batch], cascade: { confidence: { from: judge, by: openai/half@batch }, escalate: openai/full@batch } }
  dear: { chain: [openai/half@batch], cascade: { confidence: { from: agreement, with: openai/half@batch }, escalate: openai/full@batch } }
`;

interface Told {
  readonly batch?: string;
  readonly usage?: readonly UsageRow[];
  readonly output?: number;
  readonly baseline?: string;
  readonly limits?: string;
  readonly windowMs?: number;
}

const dialects = dialectFolders.flatMap((folder) => folder.dialects);
const shape =
  batchFolders.map((folder) => folder.shape(dialects)).find(({ id }) => id === 'openai') ?? assert.fail();

function forecaster(told: Told = {}): Forecaster {
  const text = `${yaml}\nbatch: ${told.batch ?? '{}'}\n${told.limits ?? ''}\n`;
  const loaded = loadText('test.yaml', text, { registry: providerTypes, env: {}, clock: systemClock });
  if (!loaded.ok) throw new Error(writeProblems(loaded.problems));
  const rules = compileRules(loaded.config.batch.prefilter);
  return new Forecaster(
    {
      world: {
        policy: () => loaded.policy,
        prefilter: () => rules,
        estimates: createCalibration(),
        clock: systemClock,
      },
      settings: settingsOf(loaded.config.batch),
      shape,
      batch: batchOf(told.windowMs === undefined ? {} : { windowMs: told.windowMs }),
      experience: createExperience(told.usage ?? [], told.output),
      ...(told.baseline === undefined ? {} : { baseline: told.baseline }),
    },
    1_000_000,
  );
}

const lineOf = (id: string, model: string, text: string, more: object = {}): string =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model, messages: [{ role: 'user', content: text }], ...more },
  });

function forecast(lines: readonly string[], told: Told = {}): Forecast {
  const forecasts = forecaster(told);
  lines.forEach((line, index) => {
    const text = Buffer.from(line, 'utf8');
    forecasts.read({ number: index + 1, at: 0, bytes: text.length, text });
  });
  return forecasts.close();
}

const times = (count: number, line: (index: number) => string): readonly string[] =>
  Array.from({ length: count }, (_, index) => line(index));
const usage = (changes: Partial<UsageRow> = {}): UsageRow => ({
  route: 'nano',
  provider: 'openai',
  model: 'nano',
  answers: 100,
  inputTokens: 2_000,
  cacheReadTokens: 0,
  outputTokens: 700,
  roughInputTokens: 1_000,
  inputOfRoughTokens: 2_000,
  ...changes,
});

describe('a forecast', () => {
  const rule = '{ prefilter: [{ when: { equals: "hello" }, answer: "hi" }] }';
  const table: readonly [
    string,
    readonly string[],
    Told,
    Pick<Forecast, 'lines' | 'rejected' | 'twins' | 'ruled' | 'sent' | 'submissions'>,
  ][] = [
    [
      'twins are those that ask the same of the same model, whatever they are called',
      [
        lineOf('a', 'nano', 'x'),
        lineOf('b', 'nano', 'x'),
        lineOf('c', 'auto', 'x'),
        lineOf('d', 'full', 'x'),
        lineOf('e', 'nano', 'x', { user: 'somebody' }),
        lineOf('f', 'nano', 'x', { max_tokens: 3 }),
      ],
      {},
      { lines: 6, rejected: 0, twins: 3, ruled: 0, sent: 3, submissions: 2 },
    ],
    [
      'a line that cannot be sent is no original, and a custom id given twice is refused',
      [
        lineOf('a', 'nano', 'x'),
        lineOf('a', 'nano', 'y'),
        lineOf('b', 'nano', 'y'),
        lineOf('c', 'none', 'z'),
        '{',
        lineOf('d', 'nano', 'x', { stream: true }),
      ],
      {},
      { lines: 6, rejected: 4, twins: 0, ruled: 0, sent: 2, submissions: 1 },
    ],
    [
      'what a rule answers is sent to nobody, and its twins are twins',
      [lineOf('a', 'nano', 'hello'), lineOf('b', 'nano', 'hello'), lineOf('c', 'nano', 'other')],
      { batch: rule },
      { lines: 3, rejected: 0, twins: 1, ruled: 1, sent: 1, submissions: 1 },
    ],
    [
      'submissions hold no more items than they may',
      times(7, (index) => lineOf(`${index}`, 'nano', `${index}`)),
      { batch: '{ submission_items: 3 }' },
      { lines: 7, rejected: 0, twins: 0, ruled: 0, sent: 7, submissions: 3 },
    ],
    [
      'nor more tokens than the account may enqueue',
      times(10, (index) => lineOf(`${index}`, 'nano', `${index} ${'four '.repeat(800)}`)),
      { limits: 'limits: { openai/nano: { batch: { enqueued_tokens: 2500 } } }' },
      { lines: 10, rejected: 0, twins: 0, ruled: 0, sent: 10, submissions: 5 },
    ],
    [
      'what no batch API takes is asked one by one',
      times(3, (index) => lineOf(`${index}`, 'here', `${index}`)),
      {},
      { lines: 3, rejected: 0, twins: 0, ruled: 0, sent: 3, submissions: 0 },
    ],
    [
      'twins and custom ids are known however far apart they are',
      [
        lineOf('first', 'nano', 'first'),
        ...times(9_000, (index) => lineOf(`${index}`, 'nano', `${index}`)),
        lineOf('last', 'nano', 'first'),
        lineOf('first', 'nano', 'another'),
      ],
      {},
      { lines: 9_003, rejected: 1, twins: 1, ruled: 0, sent: 9_001, submissions: 1 },
    ],
  ];
  for (const [name, lines, told, wanted] of table)
    test(name, () => {
      const { lines: read, rejected, twins, ruled, sent, submissions } = forecast(lines, told);
      assert.deepEqual({ lines: read, rejected, twins, ruled, sent, submissions }, wanted);
    });

  test('names the rejected lines and why, in order, those too that were not even read', () => {
    const forecasts = forecaster();
    const read = (number: number, line: string) => {
      const text = Buffer.from(line);
      forecasts.read({ number, at: 0, bytes: text.length, text });
    };
    read(2, lineOf('a', 'nano', 'x'));
    read(3, lineOf('a', 'nano', 'y'));
    forecasts.reject(5, 'It is not JSON.');
    read(7, lineOf('b', 'nana', 'y'));
    const { rejectedLines } = forecasts.close();
    assert.deepEqual(
      rejectedLines.map(({ line }) => line),
      [3, 5, 7],
    );
    assert.match(rejectedLines[0]?.message ?? '', /same as in line 2/);
    assert.match(rejectedLines[2]?.message ?? '', /Did you mean "nano"\?/);
  });

  test('too few items for a provider go on to the next target of their chain', () => {
    const target = (count: number) =>
      forecast(times(count, (index) => lineOf(`${index}`, 'few', `${index}`))).targets.map((one) => [
        one.target,
        one.items,
        one.submissions,
      ]);
    assert.deepEqual(target(99), [['openai/nano@batch', 99, 1]]);
    assert.deepEqual(target(100), [['bedrock/us.amazon.nova-pro-v1:0@batch', 100, 1]]);
  });

  test('costs what its tokens cost by the batch price, and no more than its answers may have', () => {
    const long = forecast([lineOf('a', 'nano', 'x'.repeat(4_000))], { output: 100 });
    const [one] = long.targets;
    assert.ok(one !== undefined && Math.abs(one.inputTokens - 1_000) < 10, JSON.stringify(one));
    assert.equal(one.outputTokens, 100);
    assert.equal(long.costNanoUsd, one.inputTokens * 500 + 100 * 2_000);
    const short = forecast([lineOf('a', 'nano', 'x', { max_tokens: 5 })], { output: 100 });
    assert.equal(short.targets[0]?.outputTokens, 5);
  });

  test('says of what nobody knows the price that it does not know it', () => {
    const { targets, costNanoUsd } = forecast([lineOf('a', 'here', 'x')]);
    assert.deepEqual([targets[0]?.isPriced, costNanoUsd], [false, 0]);
  });

  test('is made of what the ledger has of the route, else of the model, else of an assumption', () => {
    const lines = [lineOf('a', 'nano', 'x'.repeat(400))];
    const of = (rows: readonly UsageRow[], output?: number) => {
      const { expected, targets } = forecast(lines, {
        usage: rows,
        ...(output === undefined ? {} : { output }),
      });
      return [expected[0]?.output, expected[0]?.input, expected[0]?.answers, targets[0]?.outputTokens];
    };
    const other = usage({ route: 'other', outputTokens: 900 });
    assert.deepEqual(of([usage(), other]), ['route', 'route', 100, 7]);
    assert.deepEqual(of([usage({ answers: 19 }), other]), ['model', 'model', 119, 13]);
    assert.deepEqual(of([usage({ answers: 19 })]), ['assumed', 'assumed', 0, 512]);
    assert.deepEqual(of([usage({ model: 'full' })]), ['assumed', 'assumed', 0, 512]);
    assert.deepEqual(of([usage()], 30), ['told', 'route', 100, 30]);
    assert.deepEqual(of([usage({ roughInputTokens: 0, inputOfRoughTokens: 0 })]), [
      'route',
      'assumed',
      100,
      7,
    ]);
  });

  test('takes input for as much more, and for as much cached, as it was before', () => {
    const lines = [lineOf('a', 'nano', 'x'.repeat(4_000))];
    const [before] = forecast(lines, { output: 0.5 }).targets;
    const [after] = forecast(lines, { usage: [usage({ cacheReadTokens: 500 })], output: 0.5 }).targets;
    assert.ok(before !== undefined && after !== undefined);
    assert.equal(after.inputTokens, before.inputTokens * 2);
    assert.equal(after.cacheReadTokens, after.inputTokens / 4);
    const fresh = after.inputTokens - after.cacheReadTokens;
    assert.ok(Math.abs(after.costNanoUsd - (fresh * 500 + after.cacheReadTokens * 50)) <= 1_001);
  });

  test('takes marked beginnings for written to a cache once, and read from it after', () => {
    const marked = (id: string, text: string) =>
      JSON.stringify({
        custom_id: id,
        method: 'POST',
        url: '/v1/chat/completions',
        body: {
          model: 'marked',
          max_tokens: 10,
          messages: [
            {
              role: 'system',
              content: [{ type: 'text', text: 'z'.repeat(8_000), cache_control: { type: 'ephemeral' } }],
            },
            { role: 'user', content: text },
          ],
        },
      });
    const once = forecast([marked('a', 'x')]);
    const thrice = forecast([marked('a', 'x'), marked('b', 'y'), marked('c', 'z')]);
    assert.equal(once.targets[0]?.cacheReadTokens, 0);
    const read = thrice.targets[0]?.cacheReadTokens ?? 0;
    assert.ok(read > 3_800 && read < 4_100, `${read}`);
    const cost = (one: Forecast) => one.ladder.map(({ nanoUsd }) => nanoUsd);
    // Written to a cache costs more than not, read from one a tenth.
    assert.ok((cost(once).at(-1) ?? 0) > (cost(once).at(-2) ?? 0));
    assert.ok((cost(thrice).at(-1) ?? 0) < (cost(thrice).at(-2) ?? 0));
  });
});

describe('a cascade in a forecast', () => {
  const hundred = (model: string) =>
    times(100, (index) => lineOf(`${index}`, model, `${index} ${'x'.repeat(400)}`));
  const targets = (one: Forecast) =>
    one.targets.map(({ target, items, submissions }) => [target, items, submissions]);
  const rungs = (one: Forecast) => Object.fromEntries(one.ladder.map(({ step, nanoUsd }) => [step, nanoUsd]));

  test('counts both waves, at an assumed share of escalations where nothing is known', () => {
    const one = forecast(hundred('sure'), { output: 50 });
    assert.deepEqual(targets(one), [
      ['openai/full@batch', 20, 1],
      ['openai/nano@batch', 100, 1],
    ]);
    const [cascade] = one.cascades;
    assert.deepEqual(
      [cascade?.share, cascade?.from, cascade?.pays, cascade?.strong],
      [0.2, 'assumed', true, 'openai/full@batch'],
    );
    assert.equal(cascade?.breakEven, 0.9);
    const { batch = 0, routing, cascade: rung = 0, cache } = rungs(one);
    assert.equal(routing, batch, 'without it the strong model answers all');
    assert.ok(Math.abs(rung - batch * 0.3) <= 2, `${rung} of ${batch}`);
    assert.equal(cache, rung);
    assert.equal(one.costNanoUsd, rung);
    assert.equal(one.baseline, 'openai/full');
    assert.equal(one.sent, 100);
  });

  test('takes the share from what both models have answered on the route, less what was audited', () => {
    const rows = [
      usage({ route: 'sure', answers: 1_000 }),
      usage({ route: 'sure', model: 'full', answers: 370 }),
      usage({ route: 'other', model: 'full', answers: 5_000 }),
    ];
    const [cascade] = forecast(hundred('sure'), { usage: rows, output: 50 }).cascades;
    assert.deepEqual([cascade?.from, cascade?.answers], ['ledger', 1_000]);
    assert.ok(Math.abs((cascade?.share ?? 0) - 0.3) < 1e-9, 'a tenth of the 700 others was audited');
  });

  test('counts a model that gives an opinion of its own answers as often as it is asked', () => {
    const rows = [
      usage({ route: 'asked', answers: 2_000 }),
      usage({ route: 'asked', model: 'full', answers: 400 }),
    ];
    const one = forecast(hundred('asked'), { usage: rows, output: 50 });
    assert.equal(one.cascades[0]?.share, 0.4);
    assert.deepEqual(targets(one), [
      ['openai/half@batch', 100, 1],
      ['openai/full@batch', 40, 1],
      ['openai/nano@batch', 200, 2],
    ]);
  });

  test('asks of a judge no more than a judgement', () => {
    const { targets: all } = forecast(hundred('judged'), { output: 500 });
    const judge = all.find(({ target }) => target === 'openai/half@batch');
    assert.deepEqual([judge?.items, judge?.outputTokens], [100, 1_600]);
  });

  test('says where it costs more than the strong model alone, at any share or at this one', () => {
    const [dear] = forecast(hundred('dear'), { output: 50 }).cascades;
    assert.deepEqual([dear?.pays, dear?.breakEven], [false, 0]);
    assert.ok((dear?.nanoUsd ?? 0) > (dear?.strongNanoUsd ?? 0));
    const rows = [
      usage({ route: 'sure', answers: 100 }),
      usage({ route: 'sure', model: 'full', answers: 95 }),
    ];
    const [often] = forecast(hundred('sure'), { usage: rows, output: 50 }).cascades;
    assert.deepEqual([often?.pays, often?.breakEven], [false, 0.9]);
  });

  test('is not told of where no route has one', () => {
    const one = forecast(hundred('nano'));
    assert.deepEqual(one.cascades, []);
    assert.equal(rungs(one)['cascade'], undefined);
  });
});

describe('the time of a forecast', () => {
  const hour = 3_600_000;

  test('is that of the batch API, but for what must be asked one by one before the window ends', () => {
    const { time } = forecast([lineOf('a', 'nano', 'x')], { windowMs: 24 * hour });
    assert.deepEqual([time.mode, time.aloneMs], ['batch', 0]);
    assert.ok((time.turnsAfterMs ?? 0) > 23 * hour && (time.turnsAfterMs ?? 0) < 24 * hour);
    assert.ok((forecast([lineOf('a', 'nano', 'x')], { windowMs: 60_000 }).time.turnsAfterMs ?? 0) < 60_000);
  });

  test('is that of the calls where nothing goes by batch, by how many run at once and a minute', () => {
    const lines = times(160, (index) => lineOf(`${index}`, 'here', `${index}`));
    const { time } = forecast(lines);
    // Sixteen at once, three seconds each.
    assert.deepEqual([time.mode, time.turnsAfterMs, time.aloneMs], ['sync', undefined, 30_000]);
    assert.equal(forecast(lines, { batch: '{ sync: { rpm: 53 } }' }).time.aloneMs, 180_000);
  });

  test('is that of several rounds where the account takes only so many tokens or jobs at once', () => {
    const lines = times(10, (index) => lineOf(`${index}`, 'nano', `${index} ${'four '.repeat(800)}`));
    const limits = (what: string) => `limits: { openai/nano: { batch: { ${what} } } }`;
    const rounds = (what: string) => forecast(lines, { limits: limits(what) }).targets[0]?.rounds;
    assert.equal(rounds('enqueued_tokens: 1M'), 1);
    assert.equal(rounds('enqueued_tokens: 2500'), 5);
    assert.equal(rounds('concurrent: 1'), 1);
  });
});

describe('the savings ladder', () => {
  const lines = [
    lineOf('a', 'nano', 'x'.repeat(400), { max_tokens: 10 }),
    lineOf('b', 'nano', 'x'.repeat(400), { max_tokens: 10 }),
    lineOf('c', 'nano', 'hello', { max_tokens: 10 }),
    lineOf('d', 'full', 'y'.repeat(400), { max_tokens: 10 }),
  ];
  const told = {
    output: 10,
    batch: '{ prefilter: [{ when: { equals: "hello" }, answer: "hi" }] }',
  };

  test('begins at the dearest model of the routes, and takes off one way of saving after another', () => {
    const { ladder, baseline, costNanoUsd, targets } = forecast(lines, told);
    const nano = targets.find(({ target }) => target === 'openai/nano@batch')?.inputTokens ?? 0;
    const full = targets.find(({ target }) => target === 'openai/full@batch')?.inputTokens ?? 0;
    const [sync = 0, batch = 0, routing = 0, rules = 0, twins = 0, cache = 0] = ladder.map(
      ({ nanoUsd }) => nanoUsd,
    );
    assert.equal(baseline, 'openai/full');
    assert.deepEqual(
      ladder.map(({ step }) => step),
      ['sync', 'batch', 'routing', 'rules', 'twins', 'cache'],
    );
    assert.equal(batch, sync / 2);
    const small = nano * 500 + 10 * 2_000;
    const large = full * 5_000 + 10 * 20_000;
    assert.equal(rules, 2 * small + large);
    assert.ok(routing > rules && routing - rules < small);
    assert.equal(twins, small + large);
    assert.equal(cache, twins);
    assert.equal(costNanoUsd, cache);
    assert.equal(sync, 2 * (rules - large) * 10 + 2 * large + (routing - rules) * 20);
  });

  test('begins at the model that is named, and says so where nobody knows its price', () => {
    assert.equal(forecast(lines, { ...told, baseline: 'openai/nano@batch' }).baseline, 'openai/nano');
    assert.throws(
      () => forecast(lines, { ...told, baseline: 'openai/nan' }),
      /No price is known of "openai\/nan"\. Did you mean/,
    );
  });
});
