import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MetricSet } from './metrics.ts';

const lines = async (set: MetricSet) => (await set.text()).split('\n').filter((line) => /^[^#]/.test(line));

describe('metrics in the text format', () => {
  test('a histogram’s buckets are cumulative, and its sum and count are there', async () => {
    const set = new MetricSet();
    const row = set.histogram('wait_seconds', 'How long.', ['route'], [1, 2]).row(['chat']);
    for (const seconds of [0.5, 1, 1.5, 9]) row.observe(seconds);
    const wanted = [
      'wait_seconds_bucket{route="chat",le="1"} 2',
      'wait_seconds_bucket{route="chat",le="2"} 3',
      'wait_seconds_bucket{route="chat",le="+Inf"} 4',
      'wait_seconds_sum{route="chat"} 12',
      'wait_seconds_count{route="chat"} 4',
    ];
    assert.deepEqual(await lines(set), wanted);
    assert.deepEqual(await lines(set), wanted, 'and again');
  });

  test('counters and gauges say what they are at when somebody asks', async () => {
    const set = new MetricSet();
    const counter = set.counter('asked_total', 'Asked.', ['route']);
    let level = 1;
    set.gauge('level', 'Level.', [], () => [{ labels: {}, value: level }]);
    counter.row(['chat']).total += 2;
    assert.deepEqual(await lines(set), ['asked_total{route="chat"} 2', 'level 1']);
    counter.row(['chat']).total += 1;
    level = 5;
    assert.deepEqual(await lines(set), ['asked_total{route="chat"} 3', 'level 5']);
  });

  test('what is beyond a thousand sets of labels is counted as other', async () => {
    const set = new MetricSet();
    const counter = set.counter('asked_total', 'Asked.', ['model']);
    for (let index = 0; index < 1_010; index++) counter.row([`m${index}`]).total += 1;
    const all = await lines(set);
    assert.equal(all.length, 1_001);
    assert.equal(all.at(-1), 'asked_total{model="other"} 10');
  });
});
