/** One line of a batch, as OpenAI has it. */
export const requestLine = (id: string, url = '/v1/chat/completions'): string =>
  `{"custom_id":"${id}", "method":"POST","url":"${url}","body":{"model":"classify","messages":[] }}`;

/** Files that cannot be submitted as a batch: name, content, options, and what is said. `T`, `J` and `B` are templates of the test. */
export const brokenInputs: readonly (readonly [string, string, readonly string[], RegExp])[] = [
  [
    'a.jsonl',
    '{"a":1}\n',
    [],
    /line 1: it is no request: it has no "body"\. Give a --template for rows of data\./,
  ],
  ['b.jsonl', `${requestLine('a')}\n{"custom_id"`, [], /line 2: it is not JSON\./],
  ['c.jsonl', '[1]\n', [], /line 1: it is not a JSON object\./],
  [
    'd.jsonl',
    '{"custom_id":"a","body":{"messages":[]}}',
    [],
    /line 1: its body names no model\. Give one with --model\./,
  ],
  [
    'e.jsonl',
    '{"custom_id":7,"body":{"model":"m","messages":[]}}',
    [],
    /line 1: its custom_id is not a text/,
  ],
  ['f.jsonl', '{"body":{"model":"m"}}', [], /line 1: it does not say where it goes\. Give --endpoint/],
  ['g.jsonl', '\n\n', [], /has no line that can be sent/],
  [
    'h.jsonl',
    `${requestLine('a')}\n${requestLine('b', '/v1/embeddings')}`,
    [],
    /line 2: it goes to \/v1\/embeddings, and those before/,
  ],
  [
    'i.csv',
    'text\na\n',
    ['--template', 'T', '--id', 'txt'],
    /there is no column "txt"; did you mean "text"\?/,
  ],
  ['j.csv', 'texts\na\n', ['--template', 'T'], /line 2: there is no column "text"; did you mean "texts"\?/],
  ['k.csv', 'a,a\n1,2\n', ['--template', 'T'], /The header of .*k\.csv has the column "a" twice/],
  ['l.csv', '', ['--template', 'T'], /l\.csv is empty\. Its first line must name the columns/],
  ['m.csv', 'text\n"a\n', ['--template', 'T'], /m\.csv, after line \d: .*Nothing was sent/],
  ['n.csv', 'text\na\n', ['--template', 'J'], /line 2: the cell of "text" is not JSON/],
  ['o.jsonl', requestLine('a'), ['--template', 'B'], /The template .* is not JSON: .* Mend it, with quotes/],
  ['p.jsonl', requestLine('a'), ['--window', 'soon'], /Write a time over zero/],
  ['q.jsonl', requestLine('a'), ['--template', 'none.json'], /ENOENT/],
];

/** A batch of four items, as the gateway tells it. */
export function batchIn(status: string, completed: number, failed: number, more: object = {}) {
  return {
    id: 'batch_1',
    status,
    created_at: 1_795_000_000,
    request_counts: { total: 4, completed, failed },
    intermodal: {
      cost_usd: 0.5,
      saved_usd: 0.5,
      estimate_usd: 1.1,
      twins: 1,
      reused: 0,
      deadline_at: 4_000_000_000,
    },
    ...more,
  };
}
