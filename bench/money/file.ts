/** The file: requests of three routes, the same for the same seed, a quarter of them asked before. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** Which share of lines names a route, and how long its answers are, in words. */
const routes = [
  { route: 'sort', share: 0.8, least: 2, most: 12 },
  { route: 'summarise', share: 0.15, least: 30, most: 90 },
  { route: 'judge', share: 0.05, least: 60, most: 180 },
] as const;
const duplicates = 0.25;
/** Of the lines of the dearest route, those with one of three long system messages, which providers cache. */
const prefixed = 0.6;
const rules =
  'Weigh what the sender says against what the courier says, and name the one clause that decides. ';

export interface WrittenFile {
  readonly lines: number;
  readonly duplicates: number;
  /** How many lines ask what this line asked first. */
  readonly asked: ReadonlyMap<number, number>;
}

/** `sample`: every so-manieth line goes to the other file too, which is the pilot. */
export async function writeFiles(
  path: string,
  pilotPath: string,
  lines: number,
  sample: number,
): Promise<WrittenFile> {
  const chance = randomOf(7);
  const file = createWriteStream(path);
  const pilot = createWriteStream(pilotPath);
  const asked = new Map<number, number>();
  const bodies: string[] = [];
  const firsts: number[] = [];
  for (let line = 1; line <= lines; line++) {
    const before = firsts.length > 0 && chance() < duplicates;
    const original = before ? Math.floor(chance() * firsts.length) : firsts.length;
    if (!before) {
      bodies.push(bodyOf(line, chance));
      firsts.push(line);
    }
    const first = firsts[original] ?? line;
    asked.set(first, (asked.get(first) ?? 0) + 1);
    const text = `{"custom_id":"item-${line}","method":"POST","url":"/v1/chat/completions","body":${bodies[original]}}\n`;
    if (line % sample === 0) pilot.write(text);
    if (!file.write(text)) await once(file, 'drain');
  }
  for (const one of [file, pilot]) {
    one.end();
    await once(one, 'finish');
  }
  return { lines, duplicates: lines - firsts.length, asked };
}

function bodyOf(line: number, chance: () => number): string {
  let left = chance();
  const kind =
    routes.find(({ share }) => {
      left -= share;
      return left < 0;
    }) ?? routes[0];
  const words = kind.least + Math.floor(chance() * (kind.most - kind.least + 1));
  const parcel = 'The parcel left the depot on time and was given to a neighbour. '.repeat(
    1 + Math.floor(chance() * 8),
  );
  const long = kind.route === 'judge' && chance() < prefixed;
  const system = long ? `Court ${Math.floor(chance() * 3)}. ${rules.repeat(60)}` : 'Answer in few words.';
  return JSON.stringify({
    model: kind.route,
    max_tokens: 400,
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: `Case ${line}. ${parcel}[[tokens:${words}]]` },
    ],
  });
}

/** mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
