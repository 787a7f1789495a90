/** Broken configs: is every mistake found, at its line and column, with the fix? */
import { brokenConfigs, told, wanted } from '../test/config/broken.ts';
import type { Bench } from './bench.ts';

const least = 40;

export const bench: Bench = {
  about: 'broken configs whose every error is told to the letter: place, what is wrong, what would be right',
  run({ print }) {
    const judged = brokenConfigs.map((broken) => ({
      name: broken.name,
      told: told(broken),
      exact: JSON.stringify(told(broken)) === JSON.stringify(wanted(broken)),
    }));
    for (const { name, told: lines, exact } of judged) {
      print(`${exact ? ' ' : '!'} ${name}`);
      for (const line of lines) print(`    ${line}`);
    }
    const exact = judged.filter((one) => one.exact).length;
    return Promise.resolve({
      figure: `${exact}/${judged.length} exact`,
      wanted: `at least ${least}`,
      met: exact >= least && exact === judged.length,
      data: { judged },
    });
  },
};
