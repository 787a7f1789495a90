/** The filter of Vertex AI's lists, as far as it is about jobs: `labels.k="v"`, `display_name="v*"`, `state="…"`, with AND and OR. */
export interface Filtered {
  readonly displayName: string;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}

const condition = /^\s*(labels\.[\w-]+|display_name|state)\s*(=|!=|:)\s*"?([^"\s]*)"?\s*$/;

/** `undefined`: nobody can read it. OR binds weaker than AND. */
export function readFilter(text: string): ((job: Filtered) => boolean) | undefined {
  if (text.trim() === '') return () => true;
  const choices = text.split(/\sOR\s/).map((part) => part.split(/\sAND\s/).map(readCondition));
  if (choices.flat().includes(undefined)) return undefined;
  return (job) => choices.some((all) => all.every((holds) => holds?.(job) === true));
}

function readCondition(text: string): ((job: Filtered) => boolean) | undefined {
  const match = condition.exec(text);
  if (match === null) return undefined;
  const [, field = '', operator, wanted = ''] = match;
  const readValue = (job: Filtered): string | undefined => {
    if (field === 'display_name') return job.displayName;
    return field === 'state' ? job.state : job.labels[field.slice('labels.'.length)];
  };
  return (job) => {
    const value = readValue(job);
    if (operator === '!=') return value !== wanted;
    if (operator === '=') return value === wanted;
    if (wanted === '*') return value !== undefined;
    return wanted.endsWith('*') ? value?.startsWith(wanted.slice(0, -1)) === true : value === wanted;
  };
}
