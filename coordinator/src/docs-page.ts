/**
 * `/docs`: the OpenAPI document as one page of HTML, drawn on the server. No script, nothing from elsewhere: it works
 * offline and under our content security policy. (Swagger UI brings 2.5 MB, and its Fastify plugin needs Node 22.)
 */
interface Schema {
  readonly [key: string]: unknown;
}
interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: { readonly content?: Record<string, { readonly schema?: Schema }> };
  readonly responses?: Record<
    string,
    {
      readonly description?: string;
      readonly content?: Record<
        string,
        { readonly schema?: Schema; readonly examples?: Record<string, { readonly value: unknown }> }
      >;
    }
  >;
}
/** As much of an OpenAPI document as the page reads. */
interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths?: Record<string, Record<string, Operation>>;
}

const METHODS = ['get', 'post', 'put', 'delete'] as const;

export function docsPage(document: unknown): string {
  const { info, tags = [], paths = {} } = document as Document;
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) =>
      item[method] === undefined ? [] : [{ path, method, operation: item[method] }],
    ),
  );
  const used = tags.filter(({ name }) => operations.some(({ operation }) => operation.tags?.includes(name)));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(info.title)}: API</title><link rel="stylesheet" href="/docs/style.css"></head><body>
<header><h1>${text(info.title)}: API</h1><p>${text(info.description ?? '')}</p>
<p><a href="/openapi.json">openapi.json</a> (OpenAPI 3.1) · <a href="/schemas/run.json">run.json</a> (JSON Schema of run.yaml)</p>
<nav aria-label="Subjects"><ul>${used.map(({ name }) => `<li><a href="#${attribute(name)}">${text(name)}</a></li>`).join('')}</ul></nav></header>
<main>${used
    .map(
      ({ name, description = '' }) =>
        `<section id="${attribute(name)}"><h2>${text(name)}</h2><p>${text(description)}</p>${operations
          .filter(({ operation }) => operation.tags?.includes(name))
          .map(operationText)
          .join('')}</section>`,
    )
    .join('')}</main></body></html>`;
}

function operationText({
  path,
  method,
  operation,
}: {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}): string {
  const {
    operationId = '',
    summary = '',
    description,
    parameters = [],
    requestBody,
    responses = {},
  } = operation;
  const body = Object.values(requestBody?.content ?? {})[0]?.schema;
  return `<article id="${attribute(operationId)}"><h3><code class="${method}">${method.toUpperCase()}</code> <code>${text(path)}</code></h3>
<p>${text(summary)}</p>${description === undefined ? '' : `<p>${text(description)}</p>`}${
    operation.security?.length === 0 ? '<p>No login.</p>' : ''
  }${
    parameters.length === 0
      ? ''
      : `<table><thead><tr><th scope="col">Parameter</th><th scope="col">In</th><th scope="col">What</th></tr></thead><tbody>${parameters
          .map(
            (each) =>
              `<tr><th scope="row"><code>${text(each.name)}</code>${each.required ? ' (required)' : ''}</th><td>${text(each.in)}</td><td>${text(each.description ?? '')} <code>${text(brief(each.schema))}</code></td></tr>`,
          )
          .join('')}</tbody></table>`
  }${body === undefined ? '' : details('Body', body)}<pre><code>${text(curlOf(method, path, body !== undefined))}</code></pre>${Object.entries(
    responses,
  )
    .map(([status, { description: words = '', content = {} }]) => answerText(status, words, content))
    .join('')}</article>`;
}

function answerText(
  status: string,
  words: string,
  content: NonNullable<NonNullable<Operation['responses']>[string]['content']>,
): string {
  const [type, first] = Object.entries(content)[0] ?? [];
  const examples = Object.values(first?.examples ?? {}).map(({ value }) => JSON.stringify(value));
  if (examples.length > 0)
    return `<details><summary>${text(status)} ${text(words)}</summary><pre><code>${text(examples.join('\n'))}</code></pre></details>`;
  if (type === 'application/json' && first?.schema !== undefined)
    return details(`${status} answer`, first.schema);
  return `<p class="answer">${text(status)} ${text(type ?? words)}</p>`;
}

const details = (title: string, schema: Schema): string =>
  `<details><summary>${text(title)}</summary><pre><code>${text(JSON.stringify(schema, null, 1))}</code></pre></details>`;

/** A parameter's shape in a few words. */
function brief(schema: Schema | undefined): string {
  if (schema === undefined) return '';
  const { type, pattern, enum: values } = schema;
  if (Array.isArray(values)) return values.join(' | ');
  return [type, pattern].filter((word) => typeof word === 'string').join(' ');
}

function curlOf(method: string, path: string, hasBody: boolean): string {
  const words = ['curl'];
  if (method !== 'get') words.push(`-X ${method.toUpperCase()}`);
  words.push('-H "authorization: Bearer $MURMURATION_TOKEN"');
  if (hasBody) words.push('-H "content-type: application/json" -d @body.json');
  return `${words.join(' ')} "$MURMURATION_URL${path}"`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const text = (words: string): string => words.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign]!);
const attribute = text;

export const docsStyle = `:root { color-scheme: light dark; --line: #8885; --accent: light-dark(#0b57b7, #8ab8ff); }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
a { color: var(--accent); }
nav ul { display: flex; flex-wrap: wrap; gap: 1rem; list-style: none; padding: 0; }
article { border-top: 1px solid var(--line); padding: 0.5rem 0; }
h3 { overflow-wrap: anywhere; }
code { font-size: 0.9em; overflow-wrap: anywhere; }
pre { border: 1px solid var(--line); border-radius: 0.4rem; margin: 0.3rem 0; padding: 0.5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: 0.3rem; text-align: start; vertical-align: top; }
.answer { margin: 0.3rem 0; }
`;
