/**
 * Who may import whom. Type imports count; a file that no row covers is an error. The rows are the table of
 * docs/architecture.md.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

interface Row {
  /** Files of the room, as a pattern over paths below src/. `<id>` is one folder's name. */
  readonly from: RegExp;
  /** Rooms it may import, as patterns; `$1` is what `from` captured: its own folder. */
  readonly may: readonly string[];
}

/** Arithmetic without state, which whoever makes limits may use. */
const pureOfLimits = 'limits/window\\.ts';
/** What the door says of a request that waits: which way, with whom, in which order, in which words. */
const pureOfQueue = 'queue/(?:mode|group|lanes|status)\\.ts';
const contracts = ['(?:.+/)?contract\\.ts'];

/** First match wins, so the narrow rows come first. */
const rows: readonly Row[] = [
  { from: /^core\//, may: ['core/'] },
  { from: /^wire\//, may: ['core/', 'wire/'] },
  { from: /^simulator\//, may: [''] },
  { from: /(?:^|\/)contract\.ts$/, may: ['core/', ...contracts] },
  { from: /^catalog\//, may: ['core/', 'catalog/'] },
  { from: /^providers\/registry\.ts$/, may: ['providers/[^/]+/index\\.ts', ...contracts] },
  {
    from: /^providers\/families\/[^/]+\.ts$/,
    may: ['core/', 'wire/', 'catalog/', 'providers/contract\\.ts', 'providers/families/[^/]+\\.ts'],
  },
  {
    from: /^providers\/families\/([^/]+)\//,
    may: [
      'core/',
      'wire/',
      'catalog/',
      'providers/contract\\.ts',
      'providers/families/[^/]+\\.ts',
      'providers/families/$1/',
    ],
  },
  {
    from: /^providers\/([^/]+)\//,
    may: ['core/', 'wire/', 'catalog/', 'providers/contract\\.ts', 'providers/families/', 'providers/$1/'],
  },
  { from: /^gateway\/dialects\/registry\.ts$/, may: ['gateway/dialects/[^/]+/index\\.ts', ...contracts] },
  {
    from: /^gateway\/dialects\/([^/]+)\//,
    may: ['core/', 'wire/', 'gateway/dialects/contract\\.ts', 'gateway/dialects/$1/'],
  },
  { from: /^gateway\/batches\/registry\.ts$/, may: ['gateway/batches/[^/]+/index\\.ts', ...contracts] },
  {
    // What the ways in share lies beside their contract. It makes calls, reads terms and names answers as the request road does.
    from: /^gateway\/batches\/[^/]+\.ts$/,
    may: [
      'core/',
      'wire/',
      'gateway/(?:call|terms|reply-headers)\\.ts',
      'gateway/batches/[^/]+\\.ts',
      ...contracts,
    ],
  },
  {
    // Errors are in the words of the dialect whose clients come this way.
    from: /^gateway\/batches\/([^/]+)\//,
    may: [
      'core/',
      'wire/',
      'gateway/dialects/(?:.+/)?errors\\.ts',
      'gateway/batches/[^/]+\\.ts',
      'gateway/batches/$1/',
      ...contracts,
    ],
  },
  // What an answer to a format or a schema must look like: for all who judge answers.
  { from: /^form\//, may: ['core/', 'form/'] },
  { from: /^router\//, may: ['core/', 'catalog/', 'form/', 'router/', ...contracts] },
  { from: /^telemetry\//, may: ['core/', 'catalog/', 'telemetry/', ...contracts] },
  // The pure files of a room lie beside its contract; each kind has a folder of its own.
  { from: /^(stores|limits|cache)\/[^/]+\.ts$/, may: ['core/', '$1/'] },
  // Beside the rest of its row: how AWS is spoken to, which a provider does too.
  { from: /^stores\/s3\//, may: ['core/', 'wire/aws/', 'stores/[^/]+\\.ts', 'stores/s3/'] },
  // What routing keeps, and the rows of the queue: in words of those rooms, on every kind of store.
  {
    from: /^stores\/(routing|queue)\//,
    may: ['core/', 'stores/[^/]+\\.ts', 'stores/$1/', ...contracts],
  },
  // The rows of batch work, on every kind of store: they are of the words of `batch`, and of no kind.
  { from: /^stores\/batch\//, may: ['core/', 'stores/[^/]+\\.ts', 'stores/batch/', ...contracts] },
  {
    // A kind on Redis connects to it as all who use it do.
    from: /^(?:limits|cache)\/([^/]+)\//,
    may: ['core/', 'wire/redis/', '(?:stores|limits|cache)/[^/]+\\.ts', '(?:limits|cache)/$1/'],
  },
  {
    from: /^stores\/([^/]+)\//,
    may: ['core/', '(?:stores|limits|cache)/[^/]+\\.ts', 'stores/$1/'],
  },
  {
    from: /^batch\//,
    may: ['core/', 'wire/', 'catalog/', 'form/', 'router/', 'telemetry/', 'batch/', ...contracts],
  },
  // What gateways on one Redis tell each other.
  { from: /^fleet\//, may: ['core/', 'wire/redis/', 'router/', 'fleet/', ...contracts] },
  {
    from: /^queue\//,
    may: ['core/', 'wire/', 'catalog/', 'form/', 'router/', 'telemetry/', 'queue/', ...contracts],
  },
  {
    from: /^evaluation\//,
    may: ['core/', 'catalog/', 'router/', 'evaluation/', ...contracts],
  },
  { from: /^upstream\//, may: ['core/', 'upstream/', ...contracts] },
  {
    from: /^gateway\//,
    may: [
      'core/',
      'wire/',
      'catalog/',
      'form/',
      'router/',
      'telemetry/',
      'gateway/',
      pureOfLimits,
      pureOfQueue,
      'stores/spend-report\\.ts',
      ...contracts,
    ],
  },
  {
    from: /^config\//,
    may: [
      'core/',
      'wire/redis/address\\.ts',
      'catalog/',
      'config/',
      pureOfLimits,
      '(?:.+/)?registry\\.ts',
      ...contracts,
    ],
  },
  { from: /^(?:main\.ts|cli\/)/, may: [''] },
];

/** Rooms that only the wiring may name: no provider's or dialect's folder from shared code. */
const imports =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|import\('([^']+)'\)|(?:^|\n)\s*import\s+'([^']+)'/g;

function readImports(file: string): readonly string[] {
  const text = readFileSync(join(root, 'src', file), 'utf8');
  return [...text.matchAll(imports)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? '')
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)));
}

const files = globSync('**/*.ts', { cwd: join(root, 'src') })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => !file.endsWith('.test.ts') && !file.includes('/fixtures/'))
  .sort();

describe('the arrows between rooms', () => {
  test(`hold in all ${files.length} files`, () => {
    assert.ok(files.length > 40, 'the checker sees no files');
    const wrong: string[] = [];
    for (const file of files) {
      const row = rows.find((candidate) => candidate.from.test(file));
      if (row === undefined) {
        wrong.push(`${file}: no row says what it may import`);
        continue;
      }
      const own = row.from.exec(file)?.[1] ?? '';
      const allowed = row.may.map((pattern) => new RegExp(`^${pattern.replace('$1', own)}`));
      for (const imported of readImports(file)) {
        if (imported.startsWith('..')) {
          if (!imported.endsWith('.json')) wrong.push(`${file} reaches outside src: ${imported}`);
        } else if (!allowed.some((pattern) => pattern.test(imported)))
          wrong.push(`${file} may not import ${imported}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  test('the checker finds an arrow that is not allowed', () => {
    const row = rows.find((candidate) => candidate.from.test('providers/openai/index.ts'));
    const allowed = (row?.may ?? []).map((pattern) => new RegExp(`^${pattern.replace('$1', 'openai')}`));
    assert.ok(allowed.some((pattern) => pattern.test('providers/openai/errors.ts')));
    assert.ok(!allowed.some((pattern) => pattern.test('providers/azure/errors.ts')));
    assert.ok(!allowed.some((pattern) => pattern.test('router/walk.ts')));
  });
});

/** Files on the first circle that is found, the first of them last too; none: arrows run one way. */
function findCircle(arrows: (file: string) => readonly string[], from: readonly string[]): readonly string[] {
  const done = new Set<string>();
  const road: string[] = [];
  const visit = (file: string): readonly string[] => {
    if (done.has(file)) return [];
    const at = road.indexOf(file);
    if (at >= 0) return [...road.slice(at), file];
    road.push(file);
    for (const next of arrows(file)) {
      const circle = visit(next);
      if (circle.length > 0) return circle;
    }
    road.pop();
    done.add(file);
    return [];
  };
  for (const file of from) {
    const circle = visit(file);
    if (circle.length > 0) return circle;
  }
  return [];
}

describe('files import each other one way', () => {
  const known = new Set(files);

  test(`in all ${files.length} files, types counted`, () => {
    const arrows = (file: string): readonly string[] => readImports(file).filter((one) => known.has(one));
    assert.ok(files.flatMap(arrows).length > files.length, 'the checker sees no imports');
    assert.deepEqual(findCircle(arrows, files), []);
  });

  test('the checker finds a circle, and takes two ways to one file for none', () => {
    const house: Readonly<Record<string, readonly string[]>> = {
      top: ['left', 'right'],
      left: ['ground'],
      right: ['ground'],
      attic: ['top', 'stairs'],
      stairs: ['attic'],
    };
    const arrows = (file: string): readonly string[] => house[file] ?? [];
    assert.deepEqual(findCircle(arrows, ['top']), []);
    assert.deepEqual(findCircle(arrows, ['top', 'attic']), ['attic', 'stairs', 'attic']);
  });
});

describe('time, chance and names', () => {
  const edges = /^(?:core\/(?:clock|ids)\.ts|main\.ts|cli\/|simulator\/)/;

  test('come in from outside, everywhere but at the edges', () => {
    const wrong = files
      .filter((file) => !edges.test(file))
      .filter((file) =>
        // A socket's own is told of silence, not of time.
        /\bDate\.now\(|\bMath\.random\(|(?<!socket\.)\bsetTimeout\(|\bsetInterval\(|\bnew Date\(\)/.test(
          readFileSync(join(root, 'src', file), 'utf8'),
        ),
      );
    assert.deepEqual(wrong, []);
  });

  test('no provider’s type is named outside its own folder, the registry, the catalog’s data and the simulator', () => {
    // A carry’s family is a protocol’s name, not a provider’s.
    const branch =
      /(?<!family )(?:===|!==|case)\s*'(?:openai|azure|anthropic|vertex|bedrock|openai-compatible)'/;
    const wrong = files
      .filter((file) => !/^(?:providers\/|catalog\/|simulator\/|cli\/)/.test(file))
      .filter((file) => branch.test(readFileSync(join(root, 'src', file), 'utf8')));
    assert.deepEqual(wrong, []);
  });
});
