import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../core/errors.ts';
import type { Facts } from '../../../core/facts.ts';
import { scanBody } from '../../../wire/json-scan.ts';
import { inspectCount, inspectMessages } from './inspect.ts';

const base = { model: 'route', max_tokens: 100, messages: [{ role: 'user', content: 'Which pier?' }] };
const scan = (body: object) => scanBody(Buffer.from(JSON.stringify(body)));
const facts = (changes: object): Facts => inspectMessages(scan({ ...base, ...changes }));
const content = (...list: readonly object[]) => ({ messages: [{ role: 'user', content: list }] });

const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } };

describe('what routing must know', () => {
  test('of the least request', () => {
    assert.deepEqual(facts({}), {
      operation: 'chat',
      model: 'route',
      stream: false,
      maxOutputTokens: 100,
      inputTokens: Math.ceil(JSON.stringify(base.messages).length / 4),
      needs: [],
      nativeOnly: false,
    });
  });

  const tools = [{ name: 'a', input_schema: { type: 'object' } }];
  const needs: readonly [string, object, readonly string[]][] = [
    ['tools', { tools }, ['tools']],
    ['no tools', { tools: [] }, []],
    ['a schema', { output_config: { format: { type: 'json_schema', schema: {} } } }, ['structured-output']],
    ['an effort', { output_config: { effort: 'low' } }, []],
    ['an image', content(image), ['vision']],
    ['two images', content(image, image), ['vision']],
    [
      'an image by URL in a result',
      content({
        type: 'tool_result',
        tool_use_id: 'x',
        content: [{ type: 'image', source: { type: 'url', url: 'u' } }],
      }),
      ['vision', 'image-url'],
    ],
    [
      'a PDF',
      content({ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'x' } }),
      ['documents'],
    ],
    ['talk of images', content({ type: 'text', text: '{"type":"image"}' }), []],
  ];
  for (const [name, changes, expected] of needs) {
    test(`it needs: ${name}`, () => {
      const seen = facts(changes);
      assert.deepEqual(seen.needs, expected);
      assert.equal(seen.nativeOnly, false);
    });
  }

  const native: readonly [string, object][] = [
    ['a server tool', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ['an MCP toolset', { tools: [{ type: 'mcp_toolset', mcp_server_name: 'x' }] }],
    ['MCP servers', { mcp_servers: [{ name: 'x' }] }],
    ['a container', { container: 'c1' }],
    ['a stored file', content({ type: 'document', source: { type: 'file', file_id: 'f' } })],
    ['a server tool’s result', content({ type: 'web_search_tool_result', tool_use_id: 'x', content: [] })],
    ['a kind that is yet to come', content({ type: 'later' })],
    ['an unknown source', content({ type: 'image', source: { type: 'later' } })],
  ];
  for (const [name, changes] of native) {
    test(`only its own protocol has: ${name}`, () => assert.equal(facts(changes).nativeOnly, true));
  }

  test('a schema that talks of types, and fields that are null, bind to nothing', () => {
    const schema = { type: 'object', properties: { type: { type: 'string', format: 'date' } } };
    assert.equal(facts({ tools: [{ name: 'a', input_schema: schema }], container: null }).nativeOnly, false);
  });

  test('an image counts as an image, not as its bytes', () => {
    const heavy = { ...image, source: { ...image.source, data: 'A'.repeat(400_000) } };
    assert.ok(facts(content(heavy)).inputTokens < 2000);
  });

  test('counting is its own operation and never streams', () => {
    const seen = inspectCount(scan({ model: 'route', messages: base.messages, stream: true }));
    assert.deepEqual([seen.operation, seen.stream], ['count-tokens', false]);
  });

  const wrong: readonly [object, string][] = [
    [{ model: undefined }, 'model'],
    [{ max_tokens: -1 }, 'max_tokens'],
    [{ stream: 1 }, 'stream'],
    [content(image, { type: 'image' }), 'messages.0.content.1.source'],
  ];
  for (const [changes, param] of wrong) {
    test(`a wrong ${param} is told at once`, () => {
      assert.throws(
        () => facts(changes),
        (thrown: unknown) => thrown instanceof GatewayError && thrown.param === param,
      );
    });
  }
});
