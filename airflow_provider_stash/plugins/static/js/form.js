// A DAG's own trigger form: made from its params, as Airflow makes its own.

import { h } from "./dom.js";

const typesOf = (schema) => [schema.type ?? []].flat().map((one) => (one === "integer" ? "number" : one));

/** What a field holds: one of its schema's types, that of its value first; of a user's own param without a type, the value's. */
function kindOf(schema, value) {
  const types = typesOf(schema);
  const own = value === null ? null : Array.isArray(value) ? "array" : typeof value;
  const fits = own !== null && (!types.length || types.includes(own));
  return fits ? own : (types.find((one) => one !== "null") ?? "string");
}

/** Whether a list is one of strings and stays so: it is written one a line. */
const isLines = (schema, value) =>
  Boolean(schema.type) && (schema.items?.type ?? "string") === "string" && (value ?? []).every((one) => typeof one === "string");

/**
 * @param {object} params - of the DAG's details: {name: {value, description, schema}}.
 * @param {object} preset - values that are set at first.
 * @param {string[]} hidden - fields that are set elsewhere.
 */
export function makeForm(params, preset = {}, hidden = []) {
  const fields = Object.entries(params).map(([name, param]) => new Field(name, param, preset[name]));
  const shown = fields.filter((field) => !hidden.includes(field.name));
  const sections = new Map();
  for (const field of shown) {
    const section = field.schema.section ?? "";
    if (!sections.has(section)) sections.set(section, []);
    sections.get(section).push(field);
  }
  const element = h("div.fields", {},
    [...sections].map(([section, ofIt]) =>
      h("fieldset", {}, section ? h("legend", {}, section) : null, ofIt.map((field) => field.element))),
  ); // prettier-ignore
  return { element, fields: new Map(fields.map((field) => [field.name, field])), conf: () => conf(fields) };
}

/** What a person or the page has set: what nobody touched is left to the DAG, whose values a text can't always tell. */
function conf(fields) {
  return Object.fromEntries(fields.filter((field) => field.isSet).map((field) => [field.name, field.value]));
}

class Field {
  #untouched;

  constructor(name, { value = null, description, schema = {} }, preset) {
    [this.name, this.schema, this.title] = [name, schema, schema.title ?? name];
    const first = preset ?? value;
    this.nullable = schema.enum ? schema.enum.includes(null) : schema.type ? typesOf(schema).includes("null") : value === null;
    this.kind = kindOf(schema, first);
    if (this.kind === "array" && isLines(schema, first)) this.kind = "lines";
    const id = `field-${name}`;
    const help = description || schema.description || schema.description_md;
    this.input = this.#input(id, first);
    const missing = value === null && !this.nullable; // it has no default: what is shown must be sent
    this.#untouched = preset === undefined && !missing ? this.#shown : null;
    if (help) this.input.setAttribute("aria-describedby", `${id}-help`);
    const label = h("label", { for: id }, this.title);
    const text = help ? h("p.muted", { id: `${id}-help` }, help) : null;
    this.element = this.input.type === "checkbox"
      ? h("div.field.check", {}, this.input, h("div", {}, label, text))
      : h("div.field", {}, label, this.input, text); // prettier-ignore
  }

  #input(id, value) {
    const { schema, name, kind } = this;
    if (schema.enum) {
      const labels = schema.values_display ?? {};
      return h("select", { id, name }, schema.enum.map((one) =>
        h("option", { value: JSON.stringify(one), selected: one === value }, labels[one] ?? String(one ?? "–")))); // prettier-ignore
    }
    if (kind === "boolean") return h("input", { id, name, type: "checkbox", checked: value === true });
    if (["lines", "array", "object"].includes(kind)) {
      const area = h("textarea", { id, name, rows: 2, spellcheck: "false" });
      area.value = kind === "lines" ? (value ?? []).join("\n") : value === null ? "" : JSON.stringify(value);
      return area;
    }
    const number = kind === "number";
    const required = !this.nullable && (number || schema.minLength > 0 || Boolean(schema.const)); // an empty number would be a 0
    const input = h("input", {
      id, name, required, autocomplete: "off", spellcheck: "false",
      type: number ? "number" : "text",
      step: [schema.type].flat().includes("integer") ? null : "any",
      pattern: schema.pattern ? schema.pattern.replace(/^\^/, "").replace(/\$$/, "") : null,
      placeholder: schema.format === "date-time" ? "2026-01-31T23:59:00Z" : null,
    }); // prettier-ignore
    input.value = value ?? "";
    return input;
  }

  get #shown() {
    return this.input.type === "checkbox" ? String(this.input.checked) : this.input.value;
  }

  get isSet() {
    return this.#shown !== this.#untouched;
  }

  get value() {
    const { input, kind } = this;
    if (this.schema.enum) return JSON.parse(input.value);
    if (kind === "boolean") return input.checked;
    const text = input.value.trim();
    if (kind === "lines") return text.split("\n").map((line) => line.trim()).filter(Boolean);
    if (text === "" && this.nullable) return null;
    if (kind === "number") return Number(text);
    return kind === "string" ? text : this.#json(text);
  }

  #json(text) {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`${this.title}: write it as JSON, such as ${this.kind === "array" ? '["a", 1]' : '{"a": 1}'}.`);
    }
  }
}
