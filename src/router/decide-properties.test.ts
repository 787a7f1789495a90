/** What holds of `decide` for every request, route and world: it is total and pure, tells of every target once, and its orders are stable. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { route } from '../../test/support/router.ts';
import { capabilities } from '../core/capability.ts';
import { modes } from '../core/target.ts';
import type { Step, Target } from './chain/contract.ts';
import { type Considered, orders, type Route } from './contract.ts';
import { decide, type World } from './decide.ts';
import { cast, considered } from './fixtures/decide/cast.ts';

const targets = fc.constantFrom(...cast.values());
const step: fc.Arbitrary<Step> = fc.record({
  options: fc.array(fc.record({ target: targets, weight: fc.nat(100) }), { minLength: 1, maxLength: 3 }),
});
const chain = fc.array(step, { maxLength: 6 });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
const range = fc.record({ min: maybe(fc.nat(200_000)), max: maybe(fc.nat(200_000)) });
const condition = fc.record({
  stream: maybe(fc.boolean()),
  inputTokens: maybe(range),
  needs: maybe(fc.subarray([...capabilities], { maxLength: 1 })),
  complexity: maybe(fc.record({ min: maybe(share), max: maybe(share) })),
  deadline: maybe(range),
});

const routes: fc.Arbitrary<Route> = fc
  .record({
    chain,
    rules: fc.array(fc.record({ when: condition, chain }), { maxLength: 3 }),
    order: fc.constantFrom(...orders),
    canary: maybe(chain),
  })
  .map(({ chain: own, rules, order, canary }) =>
    route([], {
      chain: own,
      rules: rules.map(({ when, chain: to }, index) => ({
        text: String(index),
        // As the config makes them: what is not said is not there.
        when: JSON.parse(JSON.stringify(when)),
        chain: to,
      })),
      order,
      ...(canary === undefined
        ? {}
        : {
            canary: {
              id: '1',
              chain: canary,
              by: 'key' as const,
              phases: [],
              gates: { least: 1, windowMs: 1 },
            },
          }),
    }),
  );

const requests: fc.Arbitrary<Considered> = fc
  .record({
    operation: fc.constantFrom('chat' as const, 'embedding' as const, 'count-tokens' as const),
    stream: fc.boolean(),
    input: fc.nat(300_000),
    output: fc.nat(20_000),
    needs: fc.subarray([...capabilities], { maxLength: 2 }),
    item: fc.boolean(),
    modes: maybe(fc.subarray([...modes])),
    draw: fc.double({ min: 0, max: 0.999999, noNaN: true }),
    deadlineMs: maybe(fc.nat(100_000)),
  })
  .map(({ item, modes: allowed, deadlineMs, ...ask }) =>
    considered({
      ...ask,
      ...(item ? { item: true as const } : {}),
      ...(allowed === undefined ? {} : { modes: allowed }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    }),
  );

/** By the letters of a name, so that the same world may be asked twice. */
const worlds: fc.Arbitrary<World> = fc.nat(1000).map((salt) => {
  const pick = (name: string, of: number): number => {
    let sum = salt;
    for (const letter of name) sum = (sum * 31 + letter.charCodeAt(0)) % 997;
    return sum % of;
  };
  const standings = ['ready', 'ready', 'ready', 'probe', 'open', 'cooling', 'probing'] as const;
  const known = (name: string, value: number): number | undefined =>
    pick(name, 3) === 0 ? undefined : value;
  return {
    view: (name) => ({ standing: standings[pick(name, standings.length)] ?? 'ready', untilMs: 0 }),
    measures: {
      speedMs: ({ name }) => known(name, pick(name, 5) * 100),
      room: ({ name }) => known(name, pick(name, 4) / 4),
      outputTokens: (_route, { name }) => known(name, pick(name, 4) * 100),
    },
    scorer: () => ({ name: 'x', score: () => ({ score: (salt % 11) / 10, parts: [], scorer: 'x' }) }),
    arm: () => (salt % 2 === 0 ? 'canary' : 'usual'),
  };
});

const namesOf = (list: readonly Target[]): readonly string[] => list.map(({ name }) => name);
const runs = { numRuns: 1_500 };

describe('decide, whatever it is asked', () => {
  test('is total and pure: the same decision twice, and nothing that it was given changed', () => {
    fc.assert(
      fc.property(requests, routes, worlds, (request, own, world) => {
        const before = JSON.stringify([request, own.rules, own.order]);
        const listed = own.chain.map(({ options }) => options.map(({ target }) => target.name));
        assert.deepEqual(decide(request, own, world), decide(request, own, world));
        assert.equal(JSON.stringify([request, own.rules, own.order]), before);
        assert.deepEqual(
          own.chain.map(({ options }) => options.map(({ target }) => target.name)),
          listed,
        );
      }),
      runs,
    );
  });

  test('tells of every target of the chain, and of none both that it is taken and that it is passed over', () => {
    fc.assert(
      fc.property(requests, routes, worlds, (request, own, world) => {
        const { rule, arm, candidates, passed } = decide(request, own, world);
        const steps = [...(arm === 'canary' ? (own.canary?.chain ?? []) : []), ...(rule?.chain ?? own.chain)];
        const wanted = new Set(steps.flatMap(({ options }) => options.map(({ target }) => target)));
        const taken = new Set(candidates);
        const left = new Set(passed.map(({ target }) => target));
        assert.deepEqual(new Set([...taken, ...left]), wanted);
        for (const one of taken) assert.ok(!left.has(one), one.name);
      }),
      runs,
    );
  });

  test('orders are ascending, what is not known last, and what is alike stays as it was listed', () => {
    fc.assert(
      fc.property(requests, routes, worlds, (request, own, world) => {
        const listed = decide(request, { ...own, order: 'listed' }, world);
        const ordered = decide(request, own, world);
        assert.deepEqual([...namesOf(ordered.candidates)].sort(), [...namesOf(listed.candidates)].sort());
        if (own.order === 'listed' || ordered.arm === 'canary')
          return assert.deepEqual(namesOf(ordered.candidates), namesOf(listed.candidates));
        // One alone is in order, and of it nothing is asked.
        const ranks = ordered.ranks ?? [];
        assert.ok(ordered.candidates.length < 2 || ranks.length === ordered.candidates.length);
        for (const [index, target] of ordered.candidates.entries()) {
          const before = ordered.candidates[index - 1];
          if (before === undefined) continue;
          const [lower, upper] = [ranks[index - 1], ranks[index]].map(
            (rank) => rank ?? Number.POSITIVE_INFINITY,
          );
          assert.ok((lower ?? 0) <= (upper ?? 0), `${before.name} before ${target.name}`);
          if (lower === upper)
            assert.ok(
              listed.candidates.indexOf(before) <= listed.candidates.lastIndexOf(target),
              `${before.name} and ${target.name} changed places`,
            );
        }
      }),
      runs,
    );
  });

  test('everybody who is taken is well, and fits but for an estimate of its size', () => {
    fc.assert(
      fc.property(requests, routes, worlds, (request, own, world) => {
        for (const { name, mode, chat, embeddings, countTokens } of decide(request, own, world).candidates) {
          assert.ok(['ready', 'probe'].includes(world.view(name).standing));
          const { operation } = request.facts;
          const endpoint = { chat, embedding: embeddings, 'count-tokens': countTokens }[operation];
          assert.ok(request.facts.needs.every((need) => endpoint?.carries.has(need)));
          assert.ok(
            request.modes?.has(mode) ?? (request.batch !== undefined || mode === 'sync' || mode === 'flex'),
          );
        }
      }),
      runs,
    );
  });
});
