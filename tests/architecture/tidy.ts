/**
 * The house rules as a function: files in, violations out, each naming the file and the rule it breaks. It reads
 * sources with the parser that bundles them, so a comment or a string is never taken for code.
 *
 * It touches no disk: architecture.test.ts hands it the real tree, and planted ones to see that each rule bites.
 */
import { posix } from 'node:path';
import { parseSync } from 'vite';
import { FILE_LINES_MAX, TEST_FILE_LINES_MAX, type Room } from './arrows.ts';

export interface SourceFile {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}
interface Parsed extends SourceFile {
  readonly room: Room | null;
  readonly isTest: boolean;
  readonly imports: readonly Import[];
  /** Free names, and `object.property` of every access on one: what the code touches of its surroundings. */
  readonly touches: ReadonlySet<string>;
}

const OURS = '@murmuration/';
const CODE = /\.(ts|tsx|mts|mjs|js)$/;
/** A room's build settings may import the tool that they set. */
const TOOLING = /\.config\.ts$/;
/** Tests, and what only tests use. */
const TEST = /\.(test|spec|acceptance)\.tsx?$|\/testing\//;
// Spelled apart, so that this file does not break its own rule.
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`);
const DRAWERS = /(^|\/)(utils?|helpers?|misc|common|shared)(\/|\.[a-z]+$)/;

const TIME_AND_CHANCE = [
  'Date.now',
  'new Date()',
  'Math.random',
  'performance',
  'setTimeout',
  'setInterval',
  'requestAnimationFrame',
  'queueMicrotask',
  'crypto',
  'fetch',
  'console',
  'process',
];
const DOM_NAMES = [
  'document',
  'window',
  'navigator',
  'location',
  'localStorage',
  'sessionStorage',
  'indexedDB',
  'RTCPeerConnection',
  'RTCDataChannel',
  'Worker',
  'HTMLElement',
  'requestAnimationFrame',
];

export function violations(
  rooms: readonly Room[],
  files: readonly SourceFile[],
  architecture: string,
): string[] {
  const found: string[] = [];
  const parsed: Parsed[] = [];
  for (const file of files) {
    found.push(...ofText(file));
    if (!CODE.test(file.path)) continue;
    const result = parse(rooms, file);
    if (typeof result === 'string') found.push(`${file.path}: cannot be parsed: ${result}`);
    else parsed.push(result);
  }
  const manifests = manifestsOf(files);
  for (const file of parsed) {
    found.push(...ofImports(rooms, file), ...ofDeclarations(file, manifests));
    if (file.room !== null && !file.isTest && !file.room.dom)
      found.push(...touching(file, DOM_NAMES, 'page globals belong to apps, mesh and trainer'));
  }
  for (const file of pureFiles(rooms, parsed))
    found.push(
      ...touching(
        file,
        TIME_AND_CHANCE,
        'a pure room takes time and chance as arguments and returns effects',
      ),
    );
  for (const room of rooms) found.push(...ofRoom(room, manifests, files, architecture));
  return found;
}

function ofText({ path, text }: SourceFile): string[] {
  const found: string[] = [];
  const lineCount = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  const lineCountMax = TEST.test(path) ? TEST_FILE_LINES_MAX : FILE_LINES_MAX;
  if ((CODE.test(path) || path.endsWith('.css')) && lineCount > lineCountMax)
    found.push(`${path}: ${lineCount} lines, at most ${lineCountMax}; two subjects are two files`);
  const unfinished = UNFINISHED.exec(text);
  if (unfinished !== null) found.push(`${path}: says ${unfinished[1]}; finish it or write an issue`);
  if (DRAWERS.test(path)) found.push(`${path}: is a drawer; name the thing that is in it`);
  return found;
}

/** Package name -> what its package.json declares; keyed by the folder that holds it. */
function manifestsOf(files: readonly SourceFile[]): Map<string, ReadonlySet<string>> {
  const manifests = new Map<string, ReadonlySet<string>>();
  for (const { path, text } of files) {
    if (posix.basename(path) !== 'package.json') continue;
    const { name, dependencies, devDependencies } = JSON.parse(text) as Record<
      string,
      Record<string, string>
    >;
    manifests.set(
      posix.dirname(path),
      new Set([String(name), ...Object.keys(dependencies ?? {}), ...Object.keys(devDependencies ?? {})]),
    );
  }
  return manifests;
}

function ofImports(rooms: readonly Room[], file: Parsed): string[] {
  const { path, room, isTest } = file;
  if (room === null) return [];
  const found: string[] = [];
  for (const { specifier, typeOnly } of file.imports) {
    if (specifier.startsWith('.')) {
      const target = posix.join(posix.dirname(path), specifier);
      const home = roomOf(rooms, target);
      // A folder inside a room (the cluster's page functions) is a row of its own for what it may touch, not a wall.
      if (home === null || !(inside(target, room.folder) || inside(path, home.folder)))
        found.push(`${path}: imports ${specifier}, a file of another room; import the package`);
      continue;
    }
    if (specifier.startsWith('node:')) {
      if (room.node !== true && !isTest)
        found.push(`${path}: imports ${specifier}; node:* belongs to coordinator and cluster`);
      continue;
    }
    if (specifier.startsWith(OURS)) {
      const name = specifier.slice(OURS.length);
      const own = inside(name, posix.basename(room.folder));
      const listed = (names: readonly string[]) => names.some((each) => inside(name, each));
      if (!own && !listed(room.ours) && !listed(room.oursAsTypes ?? []))
        found.push(`${path}: imports ${specifier}; there is no arrow from ${room.folder} to it`);
      else if (!typeOnly && !isTest && !own && !listed(room.ours))
        found.push(`${path}: imports values of ${specifier}; ${room.folder} may import its types only`);
      continue;
    }
    const allowed = room.npm.some(
      (each) =>
        packageOf(specifier) === each || (each.endsWith('/*') && specifier.startsWith(each.slice(0, -1))),
    );
    if (!allowed && !isTest && !TOOLING.test(path))
      found.push(`${path}: imports ${specifier}, which is not a package of ${room.folder}`);
  }
  return found;
}

/** Every imported package stands in the nearest package.json; for tests and build files, in any of the tree. */
function ofDeclarations(file: Parsed, manifests: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const anywhere = (name: string) => [...manifests.values()].some((declared) => declared.has(name));
  const own = [...manifests].find(([folder]) => folder !== '.' && inside(file.path, folder))?.[1];
  const isShipped = file.room !== null && !file.isTest && !TOOLING.test(file.path);
  const found: string[] = [];
  for (const { specifier } of file.imports) {
    if (specifier.startsWith('.') || specifier.startsWith('node:') || own === undefined) continue;
    const name = packageOf(specifier);
    if (!own.has(name) && (isShipped || !anywhere(name)))
      found.push(`${file.path}: imports ${specifier}, which its package.json does not declare`);
  }
  return found;
}

/** All files of pure rooms, and all that the pure entries of a mixed room reach inside it. Tests may look at clocks. */
function pureFiles(rooms: readonly Room[], parsed: readonly Parsed[]): Parsed[] {
  const byPath = new Map(parsed.map((file) => [file.path, file]));
  const pure = new Map<string, Parsed>();
  const reach = (file: Parsed) => {
    if (pure.has(file.path)) return;
    pure.set(file.path, file);
    for (const { specifier, typeOnly } of file.imports) {
      const target =
        specifier.startsWith('.') && !typeOnly
          ? byPath.get(posix.join(posix.dirname(file.path), specifier))
          : undefined;
      if (target !== undefined) reach(target);
    }
  };
  for (const room of rooms) {
    if (room.pure === 'all')
      for (const file of parsed)
        if (file.room === room && !file.isTest && inside(file.path, `${room.folder}/src`)) reach(file);
    if (room.pure !== undefined && room.pure !== 'all')
      for (const entry of room.pure) {
        const file = byPath.get(entry);
        if (file !== undefined) reach(file);
      }
  }
  return [...pure.values()];
}

const touching = (file: Parsed, names: readonly string[], rule: string): string[] =>
  names.filter((name) => file.touches.has(name)).map((name) => `${file.path}: uses ${name}; ${rule}`);

function ofRoom(
  room: Room,
  manifests: ReadonlyMap<string, ReadonlySet<string>>,
  files: readonly SourceFile[],
  architecture: string,
): string[] {
  const found: string[] = [];
  if (!manifests.has(room.folder)) return found;
  if (!architecture.includes(`\`${room.folder}/\``))
    found.push(`ARCHITECTURE.md: the table of rooms does not name \`${room.folder}/\``);
  if (room.pure === 'all') {
    const config = files.find(({ path }) => path === `${room.folder}/tsconfig.json`);
    const options =
      config &&
      (JSON.parse(config.text) as { compilerOptions?: { lib?: string[]; types?: string[] } }).compilerOptions;
    if (options?.lib?.join() !== 'ES2024' || options.types?.length !== 0)
      found.push(`${room.folder}/tsconfig.json: a pure room compiles with lib ["ES2024"] and types []`);
  }
  for (const entry of room.pure === 'all' ? [] : (room.pure ?? []))
    if (!files.some(({ path }) => path === entry))
      found.push(`arrows.ts: names ${entry}, which does not exist`);
  return found;
}

/** Every package of the tree has a row: a room without one would be free of all rules. */
export function roomsWithoutRow(rooms: readonly Room[], files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => posix.basename(path) === 'package.json' && path !== 'package.json')
    .map(({ path }) => posix.dirname(path))
    .filter((folder) => !rooms.some((room) => room.folder === folder));
}

const inside = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
const roomOf = (rooms: readonly Room[], path: string): Room | null =>
  rooms
    .filter(({ folder }) => inside(path, folder))
    .toSorted((a, b) => b.folder.length - a.folder.length)[0] ?? null;
const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

type Node = { type: string; [key: string]: unknown };
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

function parse(rooms: readonly Room[], file: SourceFile): Parsed | string {
  const { path, text } = file;
  const { program, module, errors } = parseSync(path, text);
  if (errors.length > 0) return errors[0]!.message;
  const isTypeOnly = (start: number) => /^(import|export)\s+type\b/.test(text.slice(start, start + 40));
  const imports: Import[] = [];
  for (const { start, moduleRequest } of module.staticImports)
    imports.push({ specifier: moduleRequest.value, typeOnly: isTypeOnly(start) });
  for (const { start, entries } of module.staticExports)
    for (const { moduleRequest } of entries)
      if (moduleRequest) imports.push({ specifier: moduleRequest.value, typeOnly: isTypeOnly(start) });
  const touches = new Set<string>();
  const declared = new Set<string>();
  walk(program as unknown as Node, null, (node, parent) => {
    if (
      node.type === 'ImportExpression' &&
      isNode(node['source']) &&
      typeof node['source']['value'] === 'string'
    )
      imports.push({ specifier: node['source']['value'], typeOnly: false });
    if (node.type === 'TSImportType' && isNode(node['source']) && typeof node['source']['value'] === 'string')
      imports.push({ specifier: node['source']['value'], typeOnly: true });
    if (
      node.type === 'NewExpression' &&
      nameOf(node['callee']) === 'Date' &&
      (node['arguments'] as unknown[]).length === 0
    )
      touches.add('new Date()');
    if (node.type === 'MemberExpression' && node['computed'] !== true && nameOf(node['object']) !== null)
      touches.add(`${nameOf(node['object'])}.${nameOf(node['property'])}`);
    if (node.type !== 'Identifier') return;
    const name = node['name'] as string;
    if (parent !== null && declares(parent, node)) declared.add(name);
    else if (parent !== null && !isLabel(parent, node)) touches.add(name);
  });
  for (const name of declared) touches.delete(name);
  return { path, text, room: roomOf(rooms, path), isTest: TEST.test(path), imports, touches };
}

const nameOf = (node: unknown): string | null =>
  isNode(node) && node.type === 'Identifier' ? (node['name'] as string) : null;

/** The identifier gives a name to something here, so that it is not the global of that name. */
function declares(parent: Node, node: Node): boolean {
  switch (parent.type) {
    case 'VariableDeclarator':
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ClassDeclaration':
      return parent['id'] === node || ((parent['params'] as unknown[] | undefined) ?? []).includes(node);
    case 'ArrowFunctionExpression':
      return (parent['params'] as unknown[]).includes(node);
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
      return parent['local'] === node;
    case 'Property':
      // In a pattern the value is the binding; in an object literal with the same shape it is a use, which the
      // shorthand `{ performance }` makes indistinguishable here; a use elsewhere in the file still counts.
      return parent['value'] === node && parent['shorthand'] === true;
    case 'AssignmentPattern':
      return parent['left'] === node;
    case 'ArrayPattern':
    case 'RestElement':
    case 'TSParameterProperty':
      return true;
    default:
      return false;
  }
}

/** A key, a property after a dot, a type's name: not a use of a variable. */
function isLabel(parent: Node, node: Node): boolean {
  if (
    parent.type.startsWith('TS') &&
    !['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression'].includes(parent.type)
  )
    return true;
  if (parent.type === 'MemberExpression') return parent['property'] === node && parent['computed'] !== true;
  return (
    ['Property', 'PropertyDefinition', 'MethodDefinition'].includes(parent.type) && parent['key'] === node
  );
}

function walk(node: Node, parent: Node | null, visit: (node: Node, parent: Node | null) => void): void {
  visit(node, parent);
  for (const value of Object.values(node))
    if (Array.isArray(value)) {
      for (const each of value) if (isNode(each)) walk(each, node, visit);
    } else if (isNode(value)) walk(value, node, visit);
}
