/** A config's text as YAML: its value, and what is wrong with its syntax. */
import { type Document, isMap, isScalar, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import { createLocate, type Locate, locateAt } from './locate.ts';
import type { LocatedProblem, Problem } from './problem.ts';

export interface Parsed {
  /** `undefined` if the text is no YAML at all. */
  readonly raw: unknown;
  readonly problems: readonly LocatedProblem[];
  readonly locate: Locate;
  /** The top-level sections that can be trusted; `undefined`: all of them. */
  readonly intact: ReadonlySet<string> | undefined;
}

/** Enough for any config, and too few for a file that is made to explode. */
const mostAliases = 100;

export function parseYaml(file: string, text: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const locate = createLocate(file, document, lines);
  const errors = [...document.errors, ...document.warnings];
  const problems = [
    ...errors.map((error) => locateAt(file, lines, error.pos[0], yamlProblem(error))),
    ...danglingAliases(document).map(({ offset, problem }) => locateAt(file, lines, offset, problem)),
  ];
  const broken = errors.filter((error) => error.code !== 'DUPLICATE_KEY').map((error) => error.pos[0]);
  const intact = broken.length === 0 ? undefined : sectionsBefore(Math.min(...broken), document);
  try {
    return { raw: document.toJS({ maxAliasCount: mostAliases }), problems, locate, intact };
  } catch {
    // The library throws for aliases alone: unknown ones, and too many.
    const problem: Problem = {
      path: [],
      message: 'there are too many aliases to follow',
      fix: `Use at most ${mostAliases}.`,
    };
    const told = problems.length > 0 ? problems : [locate(problem)];
    return { raw: undefined, problems: told, locate, intact: new Set() };
  }
}

function danglingAliases(document: Document): { offset: number; problem: Problem }[] {
  const found: { offset: number; problem: Problem }[] = [];
  visit(document, {
    Alias(_key, node) {
      if (node.resolve(document) !== undefined) return;
      found.push({
        offset: node.range?.[0] ?? 0,
        problem: {
          path: [],
          message: `there is no anchor "${node.source}" above`,
          fix: `Write &${node.source} before the value that is meant.`,
        },
      });
    },
  });
  return found;
}

/** Sections that ended before the syntax broke; an open bracket may have swallowed all that follows it. */
function sectionsBefore(offset: number, document: Document): ReadonlySet<string> {
  const intact = new Set<string>();
  if (!isMap(document.contents)) return intact;
  const pairs = document.contents.items;
  for (const [index, pair] of pairs.entries()) {
    const next = pairs[index + 1]?.key;
    const end = isScalar(next) ? next.range?.[0] : undefined;
    if (isScalar(pair.key) && end !== undefined && end <= offset) intact.add(String(pair.key.value));
  }
  return intact;
}

function yamlProblem(error: YAMLError): Problem {
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return { path: [], message: 'this key stands here twice', fix: 'Remove one of them.' };
    case 'TAB_AS_INDENT':
      return { path: [], message: 'a tab is used to indent', fix: 'Indent with spaces.' };
    case 'MULTIPLE_DOCS':
      return {
        path: [],
        message: 'a second document begins here',
        fix: 'Keep one document in a file: remove the line with ---.',
      };
    case 'TAG_RESOLVE_FAILED':
      return {
        path: [],
        message: 'this YAML tag is not known here',
        fix: 'Write a plain value; ${NAME} stands for a variable.',
      };
    default:
      return {
        path: [],
        message: `this is not valid YAML: ${error.message.replace(/\s+/g, ' ').replace(/\.$/, '')}`,
        fix: 'Mend it here or just above; what follows could not be read for sure.',
      };
  }
}
