// Makes slack_types.schema.json from the types that Slack publishes for its Node SDK.
// Run it from anywhere: node tests/slack_shapes/make_schema.mjs
// It needs node, npm and npm's registry; what it installs lies in a folder of its own for as long
// as it runs, and nothing of it is committed but the schema. README.md says what it changes and why.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES = '3.2.0';
const GENERATOR = '2.10.0';
const HERE = dirname(fileURLToPath(import.meta.url));

// What Koban sends. `Sent` is only a handle for the generator: tests use its definitions.
const ENTRY = `import type { HomeView, KnownBlock, ModalView } from '@slack/types';
export interface Sent { blocks: KnownBlock[]; home: HomeView; modal: ModalView }
`;
const CONFIG = {
  compilerOptions: { module: 'commonjs', moduleResolution: 'node', strict: true, types: [] },
  include: ['entry.ts'],
};

// The types say `number` where Slack takes whole ones: TypeScript has no other.
const WHOLE = ['initial_date_time', 'max_files', 'max_length', 'max_selected_items', 'min_length'];
// The types leave these open; docs.slack.dev (composition objects) asks for them.
const NEEDED = {
  ConfirmationDialog: ['confirm', 'deny', 'text', 'title'],
  MrkdwnOption: ['text', 'value'],
  PlainTextOption: ['text', 'value'],
};

function generated() {
  const folder = mkdtempSync(join(tmpdir(), 'slack-types-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    writeFileSync(join(folder, 'entry.ts'), ENTRY);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(CONFIG));
    const wanted = [`@slack/types@${TYPES}`, `ts-json-schema-generator@${GENERATOR}`];
    const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--silent'];
    execFileSync('npm', ['install', ...quiet, ...wanted], { cwd: folder, stdio: 'inherit' });
    const tool = 'node_modules/ts-json-schema-generator/bin/ts-json-schema-generator.js';
    const how = ['--path', 'entry.ts', '--tsconfig', 'tsconfig.json', '--type', 'Sent'];
    const made = [tool, ...how, '--no-type-check', '--jsDoc', 'none', '-o', 'made.json'];
    execFileSync(process.execPath, made, { cwd: folder, stdio: 'inherit' });
    return JSON.parse(readFileSync(join(folder, 'made.json'), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tightened(schema) {
  const all = schema.definitions;
  all.AnyBlock = { $ref: '#/definitions/KnownBlock' }; // else any `type` at all would do
  delete all.Block;
  for (const [name, needed] of Object.entries(NEEDED)) all[name].required = needed;
  return walked(schema, (node) => chosenByType(whole(node), all));
}

function walked(node, change) {
  if (Array.isArray(node)) return node.map((each) => walked(each, change));
  if (node === null || typeof node !== 'object') return node;
  const inner = Object.entries(node).map(([name, each]) => [name, walked(each, change)]);
  return change(Object.fromEntries(inner));
}

function whole(node) {
  for (const name of WHOLE) {
    if (node.properties?.[name]?.type === 'number') node.properties[name] = { type: 'integer' };
  }
  return node;
}

// A union whose members differ in `type` becomes a choice: a fault is then told where it is,
// instead of "not valid under any of the given schemas".
function chosenByType(node, all) {
  const members = node.anyOf?.flatMap((member) => leaves(member, all));
  const tags = members?.map(({ tag }) => tag);
  if (!tags?.every(Boolean) || new Set(tags).size !== tags.length) return node;
  return {
    type: 'object',
    required: ['type'],
    properties: { type: { enum: [...tags].sort() } },
    allOf: members.map(({ tag, member }) => ({
      if: { properties: { type: { const: tag } } },
      then: member,
    })),
  };
}

// The members of a union within a union, each with its `type`. An image has two shapes of one
// `type`: it stays whole.
function leaves(member, all) {
  const named = member.$ref ? all[member.$ref.split('/').at(-1)] : member;
  if (!named.anyOf) return [{ tag: named.properties?.type?.const, member }];
  const inner = named.anyOf.flatMap((each) => leaves(each, all));
  const tags = new Set(inner.map(({ tag }) => tag));
  return tags.size === inner.length ? inner : [{ tag: tags.size === 1 && [...tags][0], member }];
}

function sorted(node) {
  if (Array.isArray(node)) return node.map(sorted);
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(
    Object.keys(node)
      .sort()
      .map((name) => [name, sorted(node[name])]),
  );
}

const schema = sorted({ ...tightened(generated()), $comment: `@slack/types ${TYPES}, MIT licence` });
writeFileSync(join(HERE, 'slack_types.schema.json'), `${JSON.stringify(schema, null, 1)}\n`);
