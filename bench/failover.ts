/** Sixteen failover scenarios, in each dialect, streamed and not. */
import type { Bench } from './bench.ts';
import type { DialectName } from './failover/ask.ts';
import { runScenario, scenarios } from './failover/scenarios.ts';

const dialects: readonly DialectName[] = ['openai', 'anthropic'];

export const bench: Bench = {
  about: 'Sixteen failover scenarios, judged from the caller’s side and the provider’s.',
  async run({ print }) {
    const rows: { id: string; what: string; failures: string[] }[] = [];
    for (const scenario of scenarios) {
      const failures: string[] = [];
      for (const dialect of dialects) {
        for (const stream of [false, true]) {
          const wrong = await runScenario(scenario, dialect, stream);
          if (wrong !== undefined) failures.push(`${dialect}, ${stream ? 'streamed' : 'whole'}: ${wrong}`);
        }
      }
      rows.push({ id: scenario.id, what: scenario.what, failures });
      print(`${scenario.id} ${failures.length === 0 ? 'pass' : 'FAIL'}  ${scenario.what}`);
      for (const failure of failures) print(`      ${failure}`);
    }
    const passed = rows.filter((row) => row.failures.length === 0).length;
    return {
      figure: `${passed} of ${rows.length}`,
      wanted: `${rows.length} of ${rows.length}`,
      met: passed === rows.length,
      data: { rows },
    };
  },
};
