/** The config's reference page, from its JSON Schema. */
interface Node {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly required?: readonly string[];
  readonly items?: Node;
  readonly oneOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
}

const introduction = [
  'All keys, with their defaults; `intermodal check FILE` says what is wrong with a file, and `config/schema.json` helps editors.',
  '`*` stands for a name of your own choice, `[]` for each entry of a list.',
  '',
  '- A **duration** is `250ms`, `45m` or `1h30m`; a **count** or **size** `32000`, `400k` or `1.5M`; a **share** `50%` or `0.5`; a **range** `"> 8k"`,',
  '  `"<= 200k"` or `"1k..8k"`.',
  '- Any text may hold `${NAME}` or `${NAME:-default}`; a dollar sign that means itself is `$$`. `${file:/run/secrets/name}` is what is in a file, without its last line end;',
  '  a file that has changed is read at the next reload (`kill -HUP`, or a change of the config). Where `NAME` is not set, `NAME_FILE` may name the file that it is in.',
  '- `KEY_file: /run/secrets/name`, where it is listed, is `KEY: ${file:/run/secrets/name}`. The path is absolute, and may hold variables.',
  '- A **target** is `provider/model`, with the name of a provider of this file; `provider/*` in a route whose name is a pattern takes the',
  '  model that the caller names.',
  '- An entry of a **chain** is a target, or `{split: [{target: provider/model, weight: 80}, …]}` where several share the place.',
];

export function configReference(schema: object, notice: string): string {
  const lines = ['# The config file', '', `<!-- ${notice} -->`, '', ...introduction, ''];
  lines.push('| key | value | what | default |', '|---|---|---|---|');
  walk(schema as Node, '', lines); // a JSON Schema that we made ourselves
  return `${lines.join('\n')}\n`;
}

function walk(node: Node, path: string, lines: string[]): void {
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    if (child.const !== undefined) continue; // the provider's type, which the path says already
    const here = path === '' ? key : `${path}.${key}`;
    const required = node.required?.includes(key) === true && child.default === undefined;
    const what = [child.description ?? '', required ? '**Required.**' : ''].filter((one) => one !== '');
    lines.push(`| \`${here}\` | ${kind(child)} | ${cell(what.join(' '))} | ${fallback(child)} |`);
    walk(child, here, lines);
  }
  if (typeof node.additionalProperties === 'object') walk(node.additionalProperties, `${path}.*`, lines);
  if (node.items?.properties !== undefined) walk(node.items, `${path}[]`, lines);
  for (const option of node.oneOf ?? []) {
    const type = option.properties?.['type']?.const;
    if (typeof type !== 'string') continue;
    lines.push(`| **\`${path}\` with \`type: ${type}\`** | | | |`);
    walk(option, path, lines);
  }
}

function kind(node: Node): string {
  if (node.enum !== undefined) return node.enum.map((one) => `\`${String(one)}\``).join(', ');
  if (node.title !== undefined) return node.title;
  const list = node.anyOf?.find((one) => one.type === 'array');
  if (list?.items !== undefined) return `one or a list of ${listed(list.items)}`;
  if (node.type === 'array') return node.items === undefined ? 'list' : `list of ${listed(node.items)}`;
  const names: Readonly<Record<string, string>> = {
    object: 'mapping',
    string: 'text',
    boolean: '`true`, `false`',
    integer: 'whole number',
    number: 'number',
  };
  return typeof node.type === 'string' ? (names[node.type] ?? node.type) : '';
}

function listed(item: Node): string {
  if (item.enum !== undefined) return kind(item);
  return item.type === 'object' ? 'mappings' : item.type === 'string' ? 'texts' : 'entries';
}

function fallback(node: Node): string {
  if (node.default === undefined || (typeof node.default === 'object' && node.default !== null)) return '';
  return `\`${String(node.default)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
