/** JSON as the standard has it, or nothing. The value is wrapped, so that `null` and its like are values too. */
export function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}
