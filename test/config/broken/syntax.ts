/** YAML itself, and variables. */
import type { Broken } from './broken.ts';

export const syntax: readonly Broken[] = [
  {
    name: 'an empty file',
    yaml: ``,
    says: ['1:1: the file is empty. Begin with providers and routes.'],
  },
  {
    name: 'only a comment',
    yaml: `# to be written
`,
    says: ['1:1: the file is empty. Begin with providers and routes.'],
  },
  {
    name: 'a text instead of a mapping',
    yaml: `openai/gpt-4.1-mini
`,
    says: ['1:1: "openai/gpt-4.1-mini" is not a mapping. Write a mapping.'],
  },
  {
    name: 'a tab to indent',
    yaml: `providers:
	openai:
		type: openai
routes: {}
`,
    says: [
      '2:1: a tab is used to indent. Indent with spaces.',
      '3:1: a tab is used to indent. Indent with spaces.',
    ],
  },
  {
    name: 'the same key twice',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
  chat:
    chain: [openai/gpt-4.1]
`,
    says: ['7:3: this key stands here twice. Remove one of them.'],
  },
  {
    name: 'a bracket that is never closed',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini
  embed:
    chain: [openai/text-embedding-3-small]
`,
    says: [
      '7:3: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]. Mend it here or just above; what follows could not be read for sure.',
    ],
  },
  {
    name: 'broken syntax, and an error before it',
    yaml: `server:
  port: 99999
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini
`,
    says: [
      '2:9 server.port: 99999 is too large. The most is 65535.',
      '9:1: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]. Mend it here or just above; what follows could not be read for sure.',
    ],
  },
  {
    name: 'two documents in a file',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
---
routes: {}
`,
    says: ['7:1: a second document begins here. Keep one document in a file: remove the line with ---.'],
  },
  {
    name: 'an alias without its anchor',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: *usual
`,
    says: ['6:12: there is no anchor "usual" above. Write &usual before the value that is meant.'],
  },
  {
    name: 'a tag',
    yaml: `providers:
  openai:
    type: openai
    api_key: !env OPENAI_API_KEY
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['4:14: this YAML tag is not known here. Write a plain value; ${NAME} stands for a variable.'],
  },
  {
    name: 'an unset variable',
    yaml: `providers:
  openai:
    type: openai
    api_key: \${TEAM_KEY}
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '4:14 providers.openai.api_key: the environment variable TEAM_KEY is not set. Set it, or give a default: ${TEAM_KEY:-default}.',
    ],
  },
  {
    name: 'a variable written wrong',
    yaml: `providers:
  openai:
    type: openai
    api_key: \${team-key}
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '4:14 providers.openai.api_key: "${team-key}" is not a variable. Write ${NAME}, ${file:PATH} or ${NAME:-default}; a dollar sign that means itself is $$.',
    ],
  },
  {
    name: 'a variable that is not closed',
    env: { ORG: 'acme' },
    yaml: `providers:
  openai:
    type: openai
    organization: \${ORG
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '4:19 providers.openai.organization: "${ORG" is not a variable. Write ${NAME}, ${file:PATH} or ${NAME:-default}; a dollar sign that means itself is $$.',
    ],
  },
  {
    name: 'a variable of the wrong kind, not shown',
    env: { PORT: 'sk-live-4711' },
    yaml: `providers:
  openai:
    type: openai
server:
  port: \${PORT}
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['5:9 server.port: "${PORT}" is not a number. Write a number.'],
  },
  {
    name: 'an unset variable inside a longer text',
    yaml: `providers:
  local:
    type: openai-compatible
    base_url: http://\${LOCAL_HOST}:8000/v1
routes:
  chat:
    chain: [local/llama-3.3-70b]
`,
    says: [
      '4:15 providers.local.base_url: the environment variable LOCAL_HOST is not set. Set it, or give a default: ${LOCAL_HOST:-default}.',
    ],
  },
  {
    name: 'a secret whose file is not there',
    yaml: `providers:
  openai:
    type: openai
    api_key: \${file:/run/secrets/of-nobody}
routes:
  chat: { chain: [openai/gpt-4.1] }
`,
    says: [
      '4:14 providers.openai.api_key: the file /run/secrets/of-nobody is not there. Put the value into a file there that this user may read, or give a default: ${file:/run/secrets/of-nobody:-default}.',
    ],
  },
];
