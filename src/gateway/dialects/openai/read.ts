/** Readers for the caller's JSON that say exactly which field is wrong, what was seen and what would be right. */
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', `Invalid value for '${param}': ${message}`, { param });
}

/** What a value is, without showing it: values may hold prompts. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function requireObject(value: unknown, param: string): Fields {
  if (isObject(value)) return value;
  throw invalid(param, `expected an object, but got ${kindOf(value)}.`);
}

export function requireString(value: unknown, param: string): string {
  if (typeof value === 'string') return value;
  throw invalid(param, `expected a string, but got ${value === undefined ? 'nothing' : kindOf(value)}.`);
}

export function requireArray(value: unknown, param: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(param, `expected an array, but got ${value === undefined ? 'nothing' : kindOf(value)}.`);
}

/** `null` counts as absent in every optional field, as it does at OpenAI. */
export function optionalString(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return value === undefined || value === null ? undefined : requireString(value, name);
}

export function optionalBoolean(fields: Fields, name: string): boolean | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  throw invalid(name, `expected a boolean, but got ${kindOf(value)}.`);
}

export function optionalNumber(
  fields: Fields,
  name: string,
  least: number,
  most: number,
  whole = false,
): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw invalid(name, `expected a number, but got ${kindOf(value)}.`);
  if (whole && !Number.isInteger(value)) throw invalid(name, `expected a whole number, but got ${value}.`);
  if (value < least) throw invalid(name, `${value} is less than the minimum of ${least}.`);
  if (value > most) throw invalid(name, `${value} is greater than the maximum of ${most}.`);
  return value;
}

export function oneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T | undefined {
  const value = optionalString(fields, name);
  if (value === undefined) return undefined;
  const match = allowed.find((one) => one === value);
  if (match !== undefined) return match;
  throw invalid(name, `"${value.slice(0, 40)}" is not one of ${allowed.join(', ')}.`);
}
