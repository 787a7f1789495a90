/** Names in Redis. One hash tag for all: see `scripts.ts`. */
export interface Keys {
  readonly epoch: string;
  readonly settling: string;
  readonly live: string;
  /** Until when nobody is taken for dead. */
  readonly calm: string;
  open(process: string): string;
  /** Entries of settled attempts that the ledger does not have yet. */
  settled(process: string): string;
  touched(process: string): string;
  bucket(key: string): string;
  slot(key: string): string;
  budget(key: string): string;
}

export function createKeys(namespace: string): Keys {
  const tag = `{${namespace}}`;
  return {
    epoch: `${tag}epoch`,
    settling: `${tag}settling`,
    live: `${tag}live`,
    calm: `${tag}calm`,
    open: (process) => `${tag}open:${process}`,
    settled: (process) => `${tag}settled:${process}`,
    touched: (process) => `${tag}touched:${process}`,
    bucket: (key) => `${tag}bucket:${key}`,
    slot: (key) => `${tag}slot:${key}`,
    budget: (key) => `${tag}budget:${key}`,
  };
}
