import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UsageRow } from '../../stores/contract.ts';
import { forecast, forecaster, lineOf, type Told, times, usage } from './fixtures/forecasts.ts';
import type { Forecast } from './report.ts';

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
