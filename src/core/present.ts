/** Optional members without their `undefined`: under exactOptionalPropertyTypes, absent and undefined are not the same. */
export type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The object without its undefined members. Spread it into an object whose members are optional. */
export function present<T extends object>(values: T): Present<T> {
  const kept: Present<T> = {};
  for (const key in values) {
    const value = values[key];
    if (value !== undefined) kept[key] = value as Exclude<T[typeof key], undefined>; // narrowed by the test, which the compiler does not carry over
  }
  return kept;
}
