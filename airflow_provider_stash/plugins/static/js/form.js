// A DAG's own trigger form: made from its params, as Airflow makes its own.

import { h } from "./dom.js";

const types = (schema) => [schema.type ?? "string"].flat();

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

function conf(fields) {
  return Object.fromEntries(fields.map((field) => [field.name, field.value]));
}

class Field {
  constructor(name, { value, description, schema = {} }, preset) {
    [this.name, this.schema] = [name, schema];
    const id = `field-${name}`;
    const help = description || schema.description || schema.description_md;
    this.input = this.#input(id, preset ?? value);
    if (help) this.input.setAttribute("aria-describedby", `${id}-help`);
    const label = h("label", { for: id }, schema.title ?? name);
    const text = help ? h("p.muted", { id: `${id}-help` }, help) : null;
    this.element = this.input.type === "checkbox"
      ? h("div.field.check", {}, this.input, h("div", {}, label, text))
      : h("div.field", {}, label, this.input, text); // prettier-ignore
  }

  #input(id, value) {
    const { schema } = this;
    if (schema.enum) {
      const labels = schema.values_display ?? {};
      return h("select", { id, name: this.name }, schema.enum.map((one) =>
        h("option", { value: JSON.stringify(one), selected: one === value }, labels[one] ?? String(one ?? "–")))); // prettier-ignore
    }
    if (types(schema).includes("boolean")) return h("input", { id, name: this.name, type: "checkbox", checked: value === true });
    if (types(schema).includes("array")) {
      const area = h("textarea", { id, name: this.name, rows: 2 });
      area.value = (value ?? []).join("\n");
      return area;
    }
    const number = types(schema).some((one) => one === "integer" || one === "number");
    const required = !types(schema).includes("null") && (number || schema.minLength > 0 || Boolean(schema.const)); // an empty number would be a 0
    const input = h("input", {
      id, name: this.name, required, autocomplete: "off", spellcheck: "false",
      type: number ? "number" : "text",
      pattern: schema.pattern ? schema.pattern.replace(/^\^/, "").replace(/\$$/, "") : null,
      placeholder: schema.format === "date-time" ? "2026-01-31T23:59:00Z" : null,
    }); // prettier-ignore
    input.value = value ?? "";
    return input;
  }

  get value() {
    const [input, of] = [this.input, types(this.schema)];
    if (this.schema.enum) return JSON.parse(input.value);
    if (input.type === "checkbox") return input.checked;
    const text = input.value.trim();
    if (of.includes("array")) return text ? text.split("\n").map((line) => line.trim()).filter(Boolean) : [];
    if (text === "" && of.includes("null")) return null;
    return input.type === "number" ? Number(text) : text;
  }
}
