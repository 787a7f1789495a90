/** The little XML that S3 speaks. */
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

export type Xml = string | number | boolean | readonly Node[];
export interface Node {
  readonly name: string;
  readonly value: Xml | undefined;
}

export const node = (name: string, value: Xml | undefined): Node => ({ name, value });

export function writeXml(root: Node): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${write(root)}`;
}

function write({ name, value }: Node): string {
  if (value === undefined) return '';
  const inner = Array.isArray(value) ? value.map(write).join('') : escapeXml(String(value));
  return `<${name}>${inner}</${name}>`;
}

function escapeXml(text: string): string {
  return text.replace(
    /[<>&"\r\n]/g,
    (sign) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[sign] ?? `&#${sign.charCodeAt(0)};`,
  );
}

/** Texts of all elements of a name, in order; elements of their own inside them stay as they are. */
export function readXml(text: string, name: string): readonly string[] {
  return [...text.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map((match) =>
    unescapeXml(match[1] ?? ''),
  );
}

/** The same, not unescaped: what holds elements. */
export function readElements(text: string, name: string): readonly string[] {
  return [...text.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map((match) => match[1] ?? '');
}

function unescapeXml(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, decimal?: string, named = '') => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return entities[named] ?? whole;
    },
  );
}
