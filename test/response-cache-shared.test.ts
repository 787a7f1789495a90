/** The response cache of gateways that share a Redis, which is lost and comes again. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { until } from './support/batch-road.ts';
import { ask, fresh, yaml } from './support/cache-gateway.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { redisMissing, startRedis, type TestRedis } from './support/redis.ts';

describe('the response cache of gateways on one Redis', { skip: redisMissing }, () => {
  let redis: TestRedis;
  const gateways: TestGateway[] = [];
  before(async () => {
    redis = await startRedis();
    for (let count = 0; count < 2; count++)
      gateways.push(await startTestGateway({ yaml, redisUrl: redis.url }));
  });
  after(async () => {
    for (const gateway of gateways) await gateway.close();
    await redis.close();
  });
  const asked = async (gateway: TestGateway | undefined, question: string): Promise<string | null> => {
    assert.ok(gateway);
    const client = new OpenAI({ apiKey: 'k', baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    const { response } = await client.chat.completions
      .create({ model: 'kept', messages: ask(question) })
      .withResponse();
    return response.headers.get('x-intermodal-cache');
  };

  test('is shared, and a Redis that is lost and empty again only costs answers', async () => {
    const [first, second] = gateways;
    /** The second is given what was asked of the first. */
    const shares = (questionOf: () => string): Promise<string | null> =>
      until(
        async () => {
          const question = questionOf();
          await asked(first, question);
          return asked(second, question);
        },
        (note) => note?.startsWith('hit') === true,
      );
    await shares(fresh);
    const question = fresh();
    await redis.kill();
    assert.equal(await asked(first, question), 'miss');
    assert.equal(await asked(first, question), 'miss');
    await redis.restart();
    await shares(() => question);
  });
});
