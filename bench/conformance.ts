/** Recorded provider traffic: every answer decodes and re-encodes without loss, every error lands on its row, every request is produced again. */
import { existsSync } from 'node:fs';
import type { Bench } from './bench.ts';
import { checkRecording } from './conformance/check.ts';
import { readRecordings } from './conformance/recordings.ts';
import { checkRequest } from './conformance/requests.ts';

export const bench: Bench = {
  about: 'Recorded provider exchanges, decoded, cut at every byte, re-encoded to every dialect.',
  async run({ recordings: folder, print }) {
    if (!existsSync(folder))
      return {
        figure: `no recordings in ${folder}`,
        wanted: 'recordings, see --recordings',
        met: false,
        data: {},
      };
    const recordings = readRecordings(folder);
    const failures: string[] = [];
    const exceptions: string[] = [];
    const requests = { same: 0, differ: [] as string[], notOurs: 0 };
    let passed = 0;
    for (const recording of recordings) {
      try {
        const why = checkRecording(recording);
        if (why === undefined) passed += 1;
        else exceptions.push(`${recording.case}: ${why}`);
      } catch (thrown) {
        failures.push(
          `${recording.case}: ${(thrown instanceof Error ? thrown.message : String(thrown)).slice(0, 400)}`,
        );
      }
      try {
        const { differs, notOurs } = checkRequest(recording);
        if (notOurs !== undefined) requests.notOurs += 1;
        else if (differs === undefined) requests.same += 1;
        else requests.differ.push(`${recording.case}: ${differs}`);
      } catch (thrown) {
        requests.differ.push(
          `${recording.case}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
        );
      }
    }
    for (const failure of failures) print(`FAIL ${failure}`);
    for (const reason of new Set(exceptions.map((line) => line.split(': ')[1] ?? '')))
      print(`exception: ${exceptions.filter((line) => line.endsWith(reason)).length} x ${reason}`);
    print(
      `requests: ${requests.same} said again, ${requests.differ.length} differ, ${requests.notOurs} not a client's`,
    );
    for (const line of requests.differ) print(`  ${line}`);
    return {
      figure: `${passed}/${recordings.length} answers (${exceptions.length} exceptions, ${failures.length} failures), ${requests.same}/${requests.same + requests.differ.length} requests`,
      wanted: 'every answer but the exceptions',
      met: failures.length === 0 && recordings.length > 0,
      data: { passed, failures, exceptions, requests },
    };
  },
};
