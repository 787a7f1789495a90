/** What a file in bench/ exports: one proof, runnable by anyone, printed as a figure against what is wanted. */
export interface BenchOptions {
  /** Folder of recorded provider exchanges, for proofs that use them. */
  readonly recordings: string;
  /** Shorter runs for a look; figures of a quick run prove nothing and say so. */
  readonly quick: boolean;
  /** Progress and tables; silent under `--json`. */
  readonly print: (line: string) => void;
}

export interface BenchResult {
  readonly figure: string;
  readonly wanted: string;
  readonly met: boolean;
  /** Everything measured, for `--json`. */
  readonly data: object;
}

export interface Bench {
  readonly about: string;
  run(options: BenchOptions): Promise<BenchResult>;
}
