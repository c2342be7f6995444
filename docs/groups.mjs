// A plugin of typedoc: what lib/index.ts exports below a comment `// # TITLE` is listed under that title, in the file's order.
import { readFileSync } from 'node:fs';
import { Application, Comment, CommentTag, Converter, ReflectionKind } from 'typedoc';

/** The groups of a file of exports: the names below each heading. */
function groupsOf(text) {
  const [, ...sections] = text.split(/^\/\/ # /m);
  return sections.map((section) => {
    const title = section.slice(0, section.indexOf('\n'));
    const lists = [...section.matchAll(/\{([^}]*)\}/g)].map((match) => match[1]);
    return { title, names: lists.join(',').match(/\w+(?=\s*(,|$))/g) ?? [] };
  });
}

export function load(app) {
  const groups = groupsOf(readFileSync(new URL('../lib/index.ts', import.meta.url), 'utf8'));
  app.on(Application.EVENT_BOOTSTRAP_END, () =>
    app.options.setValue('groupOrder', [...groups.map(({ title }) => title), '*']),
  );
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    // With pages beside them the exports are in a module of the project, which is named after the file.
    const modules = context.project.getChildrenByKind(ReflectionKind.Module);
    for (const reflection of modules.flatMap(({ children = [] }) => children)) {
      const group = groups.find(({ names }) => names.includes(reflection.name));
      if (!group) {
        app.logger.error(`lib/index.ts exports ${reflection.name} above its first heading "// # …".`);
        continue;
      }
      reflection.comment ??= new Comment();
      reflection.comment.blockTags.push(new CommentTag('@group', [{ kind: 'text', text: group.title }]));
    }
  });
}
