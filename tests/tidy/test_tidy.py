#!/usr/bin/env python3
"""Each rule of tidy.py against a small tree that breaks it, and against one that does not."""
import pathlib
import tempfile
import unittest

import tidy


def findings(files, has_readmes=True):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            readme = path.parent / "README.md"
            if has_readmes and not readme.exists():
                readme.write_text("# x\n")
        return tidy.Tidy(root).run()


class TidyTest(unittest.TestCase):
    def expect(self, name, text, word, line=1, more=None):
        found = findings({name: text, **(more or {})})
        self.assertEqual([(name, line)], [finding[:2] for finding in found], found)
        self.assertIn(word, found[0][2])

    def expect_clean(self, name, text, more=None):
        self.assertEqual([], findings({name: text, **(more or {})}))

    def test_columns_at_the_limit(self):
        self.expect_clean("core/base/a.c", "\t" * 12 + "x" * 4 + "\n")
        self.expect("core/base/a.c", "\t" * 12 + "x" * 5 + "\n", "101 columns")

    def test_file_length_at_the_limit(self):
        self.expect_clean("core/base/a.c", "\n" * 500)
        self.expect("core/base/a.c", "\n" * 501, "501 lines", 501)
        self.expect("core/base/a.h", "\n" * 201, "201 lines", 201)

    def test_function_length_at_the_limit(self):
        self.expect_clean("core/base/a.c", "int f(void)\n{\n" + "\tx;\n" * 68 + "}\n")
        self.expect("core/base/a.c", "int f(void)\n{\n" + "\tx;\n" * 69 + "}\n", "71 lines", 2)

    def test_a_namespace_is_no_function(self):
        self.expect_clean("core/base/a.cc", "namespace\n{\n" + "int x;\n" * 100 + "}\n")

    def test_edges_point_down(self):
        model = {"core/model/m.h": "", "core/rule/r.h": ""}
        self.expect_clean("core/rule/a.c", '#include "core/model/m.h"\n', model)
        self.expect("core/model/a.c", '#include "core/rule/r.h"\n', "must not include", 1, model)
        self.expect("core/base/a.c", '#include "core/model/m.h"\n', "must not include", 1, model)

    def test_lua_is_one_folder_and_sees_public_headers_only(self):
        headers = {"lua/host/h.h": "", "core/rule/r.h": "", "core/rule/r_internal.h": ""}
        text = '#include "lua/host/h.h"\n#include "core/rule/r.h"\n'
        self.expect_clean("lua/bridge/a.c", text, headers)
        self.expect(
            "lua/bridge/a.c", '#include "core/rule/r_internal.h"\n', "own folder", 1, headers
        )

    def test_third_party_headers_stay_where_they_belong(self):
        self.expect_clean("lua/host/a.c", "#include <lua.h>\n")
        self.expect("core/rule/a.c", "#include <lua.h>\n", "only in lua/")
        self.expect_clean("storage/kv_rocksdb.c", "#include <rocksdb/c.h>\n")
        self.expect("storage/a.c", "#include <rocksdb/c.h>\n", "only in storage/kv_rocksdb.c")
        self.expect_clean("core/loop/a.c", "#include <event2/event.h>\n")
        self.expect("core/app/a.c", "#include <event2/event.h>\n", "only in core/loop/")
        self.expect_clean("core/incident/a.c", "#include <jansson.h>\n")
        self.expect("core/window/a.c", "#include <jansson.h>\n", "too slow")

    def test_own_header_first(self):
        header = {"core/base/a.h": "", "core/base/a_internal.h": ""}
        self.expect_clean("core/base/a.c", '#include "core/base/a.h"\n#include <x.h>\n', header)
        self.expect_clean("core/base/a.c", '#include "core/base/a_internal.h"\n', header)
        self.expect("core/base/a.c", "#include <x.h>\n", "first include", 1, header)

    def test_includes_are_written_from_the_root(self):
        more = {"core/base/b.h": ""}
        self.expect("core/base/a.c", '#include "b.h"\n', "root of the tree", 1, more)

    def test_plain_assert_is_refused(self):
        self.expect_clean("core/base/a.c", "static_assert(1);\n/* assert(x) */\n")
        self.expect("core/base/a.c", "\tassert(x);\n", "REQUIRE")
        self.expect_clean("tests/unit/a.c", "\tassert(x);\n")

    def test_clock_and_files_come_through_env(self):
        self.expect("core/rule/a.c", "\tnow = time(NULL);\n", "env.h")
        self.expect("core/rule/a.c", "\tfd = open(path, 0);\n", "env.h")
        self.expect_clean("core/rule/a.c", "\tx->open(1); window_read(y); z.time(1);\n")
        self.expect_clean("core/base/env.c", "\tfd = open(path, 0);\n")

    def test_a_promise_names_its_end(self):
        word = "TO" "DO"
        self.expect("core/base/a.c", f"/* {word} later */\n", "until")
        self.expect_clean("core/base/a.c", f"/* {word} until zlib 2 */\n")

    def test_folders_have_short_readmes(self):
        sources = {"core/base/a.c": ""}
        self.assertEqual([], findings({**sources, "core/base/README.md": "\n" * 59}))
        found = findings({**sources, "core/base/README.md": "\n" * 60})
        self.assertEqual([("core/base/README.md", 60)], [finding[:2] for finding in found])
        found = findings(sources, has_readmes=False)
        self.assertEqual([("core/base", 0)], [finding[:2] for finding in found])


if __name__ == "__main__":
    unittest.main()
