/** What is wrong with a config, where, and what would be right. All problems of a file are told at once. */

export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  /** What was wrong and the value seen, without a full stop. */
  readonly message: string;
  /** What would be right, as a sentence. */
  readonly fix: string;
  /** Point at the key rather than at its value. */
  readonly atKey?: boolean;
  /** Something is missing in the mapping; not told where a key beside it is unknown, which is most likely what is missing. */
  readonly hollow?: boolean;
}

export interface LocatedProblem extends Problem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
}

/** `routes.classify.chain[1]` */
export function writePath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** `config/x.yaml:12:5 routes.classify.chain[1]: unknown provider "antropic". Did you mean "anthropic"?` */
export function writeProblem({ file, line, column, path, message, fix }: LocatedProblem): string {
  const place = path.length === 0 ? '' : ` ${writePath(path)}`;
  return `${file}:${line}:${column}${place}: ${message}. ${fix}`;
}

/** For programs: the path as text. */
export function problemJson({ file, line, column, path, message, fix }: LocatedProblem): object {
  return { file, line, column, path: writePath(path), message, fix };
}
