/** A config that must be refused, and every line that its author must read, in order and to the letter, after `gateway.yaml:`. */
export interface Broken {
  readonly name: string;
  readonly yaml: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly says: readonly string[];
}
