/**
 * Counts for `/metrics`. The hot path adds to plain numbers, one row for each set of labels; prom-client writes them out when
 * somebody asks. Looking labels up through prom-client for every request would cost more than the rest of a settlement.
 *
 * Names follow the OpenTelemetry conventions for generative AI where they have one (gen_ai.*, semantic conventions 1.37), in
 * Prometheus spelling. Labels are bounded: what is beyond `mostRows` is counted as `other`.
 */
import {
  AggregatorRegistry,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';

/** Of one metric. Models, routes and providers come from the config, but clients may name targets themselves. */
const mostRows = 1_000;

/** One row; kept by whoever adds to it often, so that its labels are looked up once. */
export interface CounterRow {
  total: number;
}

export interface Counter {
  row(labels: readonly string[]): CounterRow;
}

export interface HistogramRow {
  observe(value: number): void;
}

export interface Histogram {
  row(labels: readonly string[]): HistogramRow;
}

/** Rows by their labels' values, joined. */
class Rows<Row> {
  readonly #rows = new Map<string, { readonly labels: readonly string[]; readonly row: Row }>();
  readonly #make: () => Row;

  constructor(make: () => Row) {
    this.#make = make;
  }

  find(labels: readonly string[]): Row {
    const key = labels.join('\n');
    const known = this.#rows.get(key);
    if (known !== undefined) return known.row;
    if (this.#rows.size >= mostRows) return this.#other(labels);
    const row = this.#make();
    this.#rows.set(key, { labels: [...labels], row });
    return row;
  }

  #other(labels: readonly string[]): Row {
    const others = labels.map(() => 'other');
    const key = others.join('\n');
    const known = this.#rows.get(key)?.row ?? this.#make();
    this.#rows.set(key, { labels: others, row: known });
    return known;
  }

  values(): Iterable<{ readonly labels: readonly string[]; readonly row: Row }> {
    return this.#rows.values();
  }
}

class Buckets implements HistogramRow {
  readonly #bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let index = 0;
    while (index < this.#bounds.length && value > (this.#bounds[index] ?? 0)) index += 1;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.sum += value;
  }
}

export interface GaugeRow {
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** Of several processes, what a number is: the sum of theirs, or one that all of them mean. */
export type Together = 'sum' | 'max' | 'average';

export class MetricSet {
  readonly #registry = new Registry();
  #everybody: (() => Promise<string | undefined>) | undefined;

  counter(name: string, help: string, labelNames: readonly string[]): Counter {
    const rows = new Rows(() => ({ total: 0 }));
    const metric = new PromCounter({ name, help, labelNames, registers: [this.#registry] });
    // Read when somebody asks: prom-client has no other way in for numbers that are counted elsewhere.
    const describe = metric.get.bind(metric);
    metric.get = async () => ({
      ...(await describe()),
      values: [...rows.values()].map(({ labels, row }) => ({
        labels: named(labelNames, labels),
        value: row.total,
      })),
    });
    return { row: (labels) => rows.find(labels) };
  }

  /** Asked for when somebody looks. */
  gauge(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: () => readonly GaugeRow[],
    together: Together = 'sum',
  ): void {
    const metric = new PromGauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      aggregator: together,
    });
    const describe = metric.get.bind(metric);
    metric.get = async () => ({ ...(await describe()), values: read().slice(0, mostRows) });
  }

  histogram(name: string, help: string, labelNames: readonly string[], bounds: readonly number[]): Histogram {
    const rows = new Rows(() => new Buckets(bounds));
    const metric = new PromHistogram({ name, help, labelNames, registers: [this.#registry] });
    // Asked for while it is still prom-client’s own: it would ask the method below, which asks it.
    const described = metric.get();
    metric.get = async () => ({
      ...(await described),
      values: [...rows.values()].flatMap(({ labels, row }) =>
        spell(name, named(labelNames, labels), row, bounds),
      ),
    });
    // The text format asks a histogram by another name, which its types do not have.
    Object.assign(metric, { getForPromString: metric.get });
    return { row: (labels) => rows.find(labels) };
  }

  /** In the Prometheus text format. */
  async text(): Promise<string> {
    return (await this.#everybody?.()) ?? this.#registry.metrics();
  }

  /** `text` is from now on what this gives, where it gives anything: the counts of all processes that serve as one. */
  tellOthersToo(everybody: () => Promise<string | undefined>): void {
    this.#everybody = everybody;
  }

  /** For `together`, in whatever process. */
  parts(): Promise<readonly object[]> {
    return this.#registry.getMetricsAsJSON();
  }

  /** What the counts of several processes come to, as text. */
  static together(parts: readonly (readonly object[])[]): Promise<string> {
    return AggregatorRegistry.aggregate(parts.map((part) => [...part])).metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

function named(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

interface Spelt {
  readonly metricName: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** Buckets are cumulative in the text format. */
function spell(
  name: string,
  labels: Record<string, string>,
  row: { readonly counts: readonly number[]; readonly sum: number },
  bounds: readonly number[],
): Spelt[] {
  let total = 0;
  const buckets = row.counts.map((count, index) => {
    total += count;
    const le = index < bounds.length ? String(bounds[index]) : '+Inf';
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: row.sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
