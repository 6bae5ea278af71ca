/** Markup that is already escaped. */
export interface Html {
  readonly markup: string;
}

/** What may stand in a template: text is escaped, markup is taken as it is, lists are joined, nothing stays nothing. */
export type HtmlPart = Html | string | number | undefined | readonly Html[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Tagged template that escapes everything except markup made by itself. */
export function html(texts: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  return { markup: texts.map((text, index) => text + (index < parts.length ? render(parts[index]) : '')).join('') };
}

function render(part: HtmlPart): string {
  if (part === undefined) return '';
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return part.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
  if ('markup' in part) return part.markup;
  return part.map((item) => item.markup).join('');
}
