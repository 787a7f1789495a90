/** Labelled prompts: from a file of what models came to on them, or from what a route’s audits and escalations have left in the store. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { present } from '../../core/present.ts';
import type { Sample } from '../../evaluation/routers.ts';
import { featuresOf, unpackFeatures } from '../../router/complexity/features.ts';
import { Scan } from '../../router/complexity/scan.ts';
import { boundText } from '../../router/complexity/text.ts';
import type { Label } from '../../stores/routing/contract.ts';
import { ConfigError } from '../config-error.ts';

const right = z.union([z.literal(0), z.literal(1), z.boolean()]);
const rowShape = z.object({
  id: z.union([z.string(), z.number()]).transform(String),
  dom: z.string().optional(),
  bench: z.string().optional(),
  prompt: z.string(),
  ok: z.record(z.string(), right),
  pred: z.record(z.string(), z.unknown()).optional(),
});
type LabelledRow = z.output<typeof rowShape>;

export interface ReadOptions {
  readonly weak?: string;
  readonly strong?: string;
  /** A second cheap model, whose agreement is the confidence of a cascade. */
  readonly second?: string;
  /** As `complexity.chars` of a route. */
  readonly mostChars: number;
}

export interface Labelled {
  readonly weak: string;
  readonly strong: string;
  readonly samples: readonly Sample[];
  /** What reading a prompt took: the median. */
  readonly readUs: number;
}

/** More is no file of labels. */
const mostRows = 1_000_000;
const charsPerToken = 4;

export function readLabelled(
  files: readonly string[],
  options: ReadOptions,
  clockUs: () => number,
): Labelled {
  const rows = files.flatMap(readRows);
  const pair = pairOf(rows, options, files);
  const scan = new Scan();
  const took: number[] = [];
  const samples = rows.flatMap((row): Sample[] => {
    const [weak, strong] = [row.ok[pair.weak], row.ok[pair.strong]];
    if (weak === undefined || strong === undefined) return [];
    const text = boundText([row.prompt], options.mostChars);
    const startUs = clockUs();
    scan.read({ text, inputTokens: Math.ceil(row.prompt.length / charsPerToken) });
    took.push(clockUs() - startUs);
    return [
      {
        id: row.id,
        features: featuresOf(scan),
        outcome: { weak: Boolean(weak), strong: Boolean(strong) },
        ...present({ domain: row.dom ?? row.bench, confidence: agreement(row, pair.weak, options.second) }),
      },
    ];
  });
  if (samples.length === 0)
    throw new ConfigError(
      `No row of ${files.join(', ')} has an outcome of both ${pair.weak} and ${pair.strong}.`,
    );
  return { ...pair, samples, readUs: took.sort((a, b) => a - b)[took.length >> 1] ?? 0 };
}

function readRows(file: string): readonly LabelledRow[] {
  const bytes = readFileSync(file);
  const lines = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').split('\n');
  if (lines.length > mostRows) throw new ConfigError(`${file} has more than ${mostRows} lines.`);
  return lines.flatMap((line, at): LabelledRow[] => {
    if (line.trim() === '') return [];
    const read = rowShape.safeParse(parse(line));
    if (read.success) return [read.data];
    const [issue] = read.error.issues;
    throw new ConfigError(
      `${file}, line ${at + 1}: ${issue?.path.join('.') || 'the line'}: ${issue?.message ?? 'cannot be read'}. ` +
        'Write {"id": "1", "prompt": "…", "ok": {"cheap-model": 0, "strong-model": 1}} on each line.',
    );
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Where there are but two models, the one that is right less often is the weak one. */
function pairOf(
  rows: readonly LabelledRow[],
  { weak, strong }: ReadOptions,
  files: readonly string[],
): { readonly weak: string; readonly strong: string } {
  const models = [...new Set(rows.flatMap(({ ok }) => Object.keys(ok)))];
  for (const name of [weak, strong])
    if (name !== undefined && !models.includes(name))
      throw new ConfigError(`${files.join(', ')} has no outcome of ${name}. It has: ${models.join(', ')}.`);
  if (weak !== undefined && strong !== undefined) return { weak, strong };
  const rightOf = (model: string): number => rows.filter(({ ok }) => Boolean(ok[model])).length;
  const open = models.filter((model) => model !== weak && model !== strong);
  if (models.length !== 2)
    throw new ConfigError(`Name two models with --weak and --strong. There are: ${models.join(', ')}.`);
  const [first = '', second = first] = open.sort((a, b) => rightOf(a) - rightOf(b));
  return { weak: weak ?? (strong === undefined ? first : first), strong: strong ?? second };
}

function agreement({ pred }: LabelledRow, weak: string, second: string | undefined): number | undefined {
  if (second === undefined || pred === undefined) return undefined;
  const [one, other] = [pred[weak], pred[second]];
  if (one === undefined || other === undefined) return undefined;
  return canonical(one) === canonical(other) ? 1 : 0;
}

const canonical = (answer: unknown): string =>
  String(answer)
    .replace(/[\s$,]+/g, '')
    .toLowerCase();

/** Labels without features, or with those of another version, tell nothing of prompts; they are left out, and counted. */
export function samplesOf(labels: readonly Label[]): {
  readonly samples: readonly Sample[];
  readonly unread: number;
} {
  const samples = labels.flatMap((label): Sample[] => {
    const features = label.features === undefined ? undefined : unpackFeatures(label.features);
    if (features === undefined) return [];
    return [
      {
        id: label.id,
        features,
        // Whatever the strong model says is taken for right: nothing better is known of real traffic.
        outcome: { weak: label.agreed, strong: true },
        costs: { weak: label.cheapNanoUsd, strong: label.strongNanoUsd },
        ...present({ confidence: label.confidence }),
      },
    ];
  });
  return { samples, unread: labels.length - samples.length };
}
