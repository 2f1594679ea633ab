/* Types, their vectors, and what is made of them. */
#include "check.h"

static void bytes(void) {
  wasm_byte_vec_t a, b, empty;
  wasm_name_t name;
  wasm_byte_vec_new_empty(&empty);
  CHECK(empty.size == 0 && empty.data == NULL);
  wasm_byte_vec_new_uninitialized(&a, 3);
  CHECK(a.size == 3 && a.data[0] == 0 && a.data[2] == 0);
  a.data[1] = 'x';
  wasm_byte_vec_copy(&b, &a);
  CHECK(b.size == 3 && b.data != a.data && b.data[1] == 'x');
  wasm_byte_vec_delete(&a);
  CHECK(a.size == 0 && a.data == NULL);
  wasm_byte_vec_delete(&a);
  wasm_byte_vec_delete(&b);
  wasm_byte_vec_new(&a, 2, "hi");
  CHECK(is_text(&a, "hi"));
  wasm_byte_vec_delete(&a);
  wasm_byte_vec_new(&a, 0, NULL);
  CHECK(a.size == 0);
  /* A size without data is a failure: nothing is made. */
  wasm_byte_vec_new(&a, 5, NULL);
  CHECK(a.size == 0 && a.data == NULL);
  wasm_byte_vec_copy(&a, NULL);
  CHECK(a.size == 0 && a.data == NULL);
  wasm_byte_vec_delete(NULL);
  wasm_byte_vec_new_empty(NULL);

  wasm_name_new_from_string(&name, "abc");
  CHECK(name.size == 3);
  wasm_name_delete(&name);
  wasm_name_new_from_string_nt(&name, "abc");
  CHECK(name.size == 4 && strcmp(name.data, "abc") == 0);
  wasm_name_delete(&name);
}

static void value_types(void) {
  static const wasm_valkind_t kinds[] = {
    WASM_I32, WASM_I64, WASM_F32, WASM_F64, 4, WASM_EXTERNREF, WASM_FUNCREF, 130, 131
  };
  wasm_valtype_vec_t types, copy;
  size_t i;
  wasm_valtype_vec_new_uninitialized(&types, sizeof(kinds));
  for (i = 0; i < sizeof(kinds); i++) {
    wasm_valtype_t* type = wasm_valtype_new(kinds[i]);
    wasm_valtype_t* same = wasm_valtype_copy(type);
    CHECK(wasm_valtype_kind(type) == kinds[i] && wasm_valtype_kind(same) == kinds[i]);
    CHECK(wasm_valtype_is_ref(type) == (kinds[i] >= 128));
    CHECK(wasm_valtype_is_num(type) != wasm_valtype_is_ref(type));
    wasm_valtype_delete(same);
    CHECK(types.data[i] == NULL);
    types.data[i] = type;
  }
  wasm_valtype_vec_copy(&copy, &types);
  CHECK(copy.size == types.size && copy.data[1] != types.data[1]);
  CHECK(wasm_valtype_kind(copy.data[1]) == WASM_I64);
  wasm_valtype_vec_delete(&copy);
  wasm_valtype_vec_delete(&types);
  CHECK(wasm_valtype_new(77) == NULL);
  CHECK(wasm_valtype_copy(NULL) == NULL);
  wasm_valtype_delete(NULL);
}

static void function_types(void) {
  wasm_valtype_t* params[2];
  wasm_valtype_vec_t ps, rs;
  wasm_functype_t *type, *copy;
  wasm_functype_vec_t vec, vec2;
  const wasm_externtype_t* as_extern;
  params[0] = wasm_valtype_new_i32();
  params[1] = wasm_valtype_new_f64();
  wasm_valtype_vec_new(&ps, 2, params);
  wasm_valtype_vec_new_empty(&rs);
  type = wasm_functype_new(&ps, &rs);
  CHECK(ps.size == 0 && ps.data == NULL);
  CHECK(wasm_functype_params(type)->size == 2 && wasm_functype_results(type)->size == 0);
  CHECK(wasm_valtype_kind(wasm_functype_params(type)->data[1]) == WASM_F64);
  copy = wasm_functype_copy(type);
  CHECK(copy != type && wasm_functype_params(copy)->size == 2);
  as_extern = wasm_functype_as_externtype_const(type);
  CHECK(wasm_externtype_kind(as_extern) == WASM_EXTERN_FUNC);
  CHECK(wasm_externtype_as_functype_const(as_extern) == type);
  CHECK(wasm_externtype_as_functype(wasm_functype_as_externtype(copy)) == copy);
  CHECK(wasm_externtype_as_globaltype_const(as_extern) == NULL);
  wasm_functype_vec_new(&vec, 1, &copy);
  wasm_functype_vec_copy(&vec2, &vec);
  CHECK(vec2.size == 1);
  wasm_functype_vec_delete(&vec);
  wasm_functype_vec_delete(&vec2);
  wasm_functype_vec_new_empty(&vec);
  wasm_functype_vec_new_uninitialized(&vec2, 2);
  CHECK(vec.size == 0 && vec2.size == 2 && vec2.data[1] == NULL);
  wasm_functype_vec_delete(&vec2);
  wasm_functype_delete(type);

  /* A list with a hole is no list of parameters. */
  wasm_valtype_vec_new_uninitialized(&ps, 1);
  wasm_valtype_vec_new_empty(&rs);
  CHECK(wasm_functype_new(&ps, &rs) == NULL);
  CHECK(wasm_functype_new(NULL, NULL) == NULL);
  CHECK(wasm_functype_params(NULL) == NULL && wasm_functype_results(NULL) == NULL);

  type = wasm_functype_new_3_2(
    wasm_valtype_new_i32(), wasm_valtype_new_i64(), wasm_valtype_new_f32(),
    wasm_valtype_new_externref(), wasm_valtype_new_funcref());
  CHECK(wasm_functype_params(type)->size == 3 && wasm_functype_results(type)->size == 2);
  CHECK(wasm_valtype_kind(wasm_functype_results(type)->data[1]) == WASM_FUNCREF);
  wasm_functype_delete(type);
  type = wasm_functype_new_0_0();
  CHECK(wasm_functype_params(type)->size == 0);
  wasm_functype_delete(type);
}

static void global_types(void) {
  wasm_globaltype_t* type = wasm_globaltype_new(wasm_valtype_new_i64(), WASM_VAR);
  wasm_globaltype_t* copy = wasm_globaltype_copy(type);
  wasm_globaltype_vec_t vec, vec2;
  CHECK(wasm_valtype_kind(wasm_globaltype_content(type)) == WASM_I64);
  CHECK(wasm_globaltype_mutability(copy) == WASM_VAR);
  CHECK(wasm_externtype_kind(wasm_globaltype_as_externtype_const(type)) == WASM_EXTERN_GLOBAL);
  CHECK(wasm_externtype_as_globaltype(wasm_globaltype_as_externtype(type)) == type);
  CHECK(wasm_externtype_as_globaltype_const(wasm_globaltype_as_externtype(type)) == type);
  CHECK(wasm_externtype_as_functype(wasm_globaltype_as_externtype(type)) == NULL);
  wasm_globaltype_delete(type);
  wasm_globaltype_vec_new(&vec, 1, &copy);
  wasm_globaltype_vec_copy(&vec2, &vec);
  wasm_globaltype_vec_delete(&vec);
  wasm_globaltype_vec_delete(&vec2);
  wasm_globaltype_vec_new_empty(&vec);
  wasm_globaltype_vec_new_uninitialized(&vec, 1);
  wasm_globaltype_vec_delete(&vec);
  CHECK(wasm_globaltype_new(NULL, WASM_CONST) == NULL);
  CHECK(wasm_globaltype_new(wasm_valtype_new_i32(), 2) == NULL);
}

static void table_types(void) {
  wasm_limits_t limits;
  wasm_tabletype_t *type, *copy;
  wasm_tabletype_vec_t vec, vec2;
  limits.min = 3;
  limits.max = wasm_limits_max_default;
  type = wasm_tabletype_new(wasm_valtype_new_funcref(), &limits);
  copy = wasm_tabletype_copy(type);
  CHECK(wasm_valtype_kind(wasm_tabletype_element(type)) == WASM_FUNCREF);
  CHECK(wasm_tabletype_limits(copy)->min == 3);
  CHECK(wasm_tabletype_limits(copy)->max == wasm_limits_max_default);
  CHECK(wasm_externtype_kind(wasm_tabletype_as_externtype_const(type)) == WASM_EXTERN_TABLE);
  CHECK(wasm_externtype_as_tabletype(wasm_tabletype_as_externtype(type)) == type);
  CHECK(wasm_externtype_as_tabletype_const(wasm_tabletype_as_externtype(type)) == type);
  CHECK(wasm_externtype_as_memorytype(wasm_tabletype_as_externtype(type)) == NULL);
  wasm_tabletype_delete(type);
  wasm_tabletype_vec_new(&vec, 1, &copy);
  wasm_tabletype_vec_copy(&vec2, &vec);
  wasm_tabletype_vec_delete(&vec);
  wasm_tabletype_vec_delete(&vec2);
  wasm_tabletype_vec_new_empty(&vec);
  wasm_tabletype_vec_new_uninitialized(&vec, 1);
  wasm_tabletype_vec_delete(&vec);
  /* Tables hold references. */
  CHECK(wasm_tabletype_new(wasm_valtype_new_i32(), &limits) == NULL);
  CHECK(wasm_tabletype_new(wasm_valtype_new_funcref(), NULL) == NULL);
}

static void memory_types(void) {
  wasm_limits_t limits;
  wasm_memorytype_t *type, *copy;
  wasm_memorytype_vec_t vec, vec2;
  limits.min = 1;
  limits.max = 2;
  type = wasm_memorytype_new(&limits);
  copy = wasm_memorytype_copy(type);
  CHECK(wasm_memorytype_limits(copy)->min == 1 && wasm_memorytype_limits(copy)->max == 2);
  CHECK(wasm_externtype_kind(wasm_memorytype_as_externtype_const(type)) == WASM_EXTERN_MEMORY);
  CHECK(wasm_externtype_as_memorytype(wasm_memorytype_as_externtype(type)) == type);
  CHECK(wasm_externtype_as_memorytype_const(wasm_memorytype_as_externtype(type)) == type);
  CHECK(wasm_externtype_as_tabletype_const(wasm_memorytype_as_externtype(type)) == NULL);
  wasm_memorytype_delete(type);
  wasm_memorytype_vec_new(&vec, 1, &copy);
  wasm_memorytype_vec_copy(&vec2, &vec);
  wasm_memorytype_vec_delete(&vec);
  wasm_memorytype_vec_delete(&vec2);
  wasm_memorytype_vec_new_empty(&vec);
  wasm_memorytype_vec_new_uninitialized(&vec, 1);
  wasm_memorytype_vec_delete(&vec);
  CHECK(wasm_memorytype_new(NULL) == NULL);
}

static void tag_types(void) {
  wasm_tagtype_t* type = wasm_tagtype_new(wasm_functype_new_1_0(wasm_valtype_new_i32()));
  wasm_tagtype_t* copy = wasm_tagtype_copy(type);
  wasm_tagtype_vec_t vec, vec2;
  CHECK(wasm_functype_params(wasm_tagtype_functype(copy))->size == 1);
  CHECK(wasm_externtype_kind(wasm_tagtype_as_externtype_const(type)) == WASM_EXTERN_TAG);
  CHECK(wasm_externtype_as_tagtype(wasm_tagtype_as_externtype(type)) == type);
  CHECK(wasm_externtype_as_tagtype_const(wasm_tagtype_as_externtype(type)) == type);
  wasm_tagtype_delete(type);
  wasm_tagtype_vec_new(&vec, 1, &copy);
  wasm_tagtype_vec_copy(&vec2, &vec);
  wasm_tagtype_vec_delete(&vec);
  wasm_tagtype_vec_delete(&vec2);
  wasm_tagtype_vec_new_empty(&vec);
  wasm_tagtype_vec_new_uninitialized(&vec, 1);
  wasm_tagtype_vec_delete(&vec);
  CHECK(wasm_tagtype_new(NULL) == NULL);
}

static void imports_and_exports(void) {
  wasm_name_t module, name;
  wasm_importtype_t *import, *import2;
  wasm_exporttype_t *exported, *export2;
  wasm_importtype_vec_t imports, imports2;
  wasm_exporttype_vec_t exports, exports2;
  wasm_externtype_t *type, *type2;
  wasm_externtype_vec_t types, types2;
  wasm_name_new_from_string(&module, "env");
  wasm_name_new_from_string(&name, "f");
  import = wasm_importtype_new(
    &module, &name, wasm_functype_as_externtype(wasm_functype_new_0_0()));
  CHECK(module.size == 0 && name.size == 0);
  import2 = wasm_importtype_copy(import);
  CHECK(is_text(wasm_importtype_module(import2), "env"));
  CHECK(is_text(wasm_importtype_name(import2), "f"));
  CHECK(wasm_externtype_kind(wasm_importtype_type(import2)) == WASM_EXTERN_FUNC);
  wasm_importtype_delete(import);
  wasm_importtype_vec_new(&imports, 1, &import2);
  wasm_importtype_vec_copy(&imports2, &imports);
  wasm_importtype_vec_delete(&imports);
  wasm_importtype_vec_delete(&imports2);
  wasm_importtype_vec_new_empty(&imports);
  wasm_importtype_vec_new_uninitialized(&imports, 1);
  wasm_importtype_vec_delete(&imports);

  wasm_name_new_from_string(&name, "run");
  type = wasm_globaltype_as_externtype(wasm_globaltype_new(wasm_valtype_new_f32(), WASM_CONST));
  type2 = wasm_externtype_copy(type);
  exported = wasm_exporttype_new(&name, type2);
  export2 = wasm_exporttype_copy(exported);
  CHECK(is_text(wasm_exporttype_name(export2), "run"));
  CHECK(wasm_externtype_kind(wasm_exporttype_type(export2)) == WASM_EXTERN_GLOBAL);
  wasm_exporttype_delete(exported);
  wasm_exporttype_vec_new(&exports, 1, &export2);
  wasm_exporttype_vec_copy(&exports2, &exports);
  wasm_exporttype_vec_delete(&exports);
  wasm_exporttype_vec_delete(&exports2);
  wasm_exporttype_vec_new_empty(&exports);
  wasm_exporttype_vec_new_uninitialized(&exports, 1);
  wasm_exporttype_vec_delete(&exports);

  type2 = wasm_externtype_copy(type);
  wasm_externtype_delete(type2);
  wasm_externtype_vec_new(&types, 1, &type);
  wasm_externtype_vec_copy(&types2, &types);
  wasm_externtype_vec_delete(&types);
  wasm_externtype_vec_delete(&types2);
  wasm_externtype_vec_new_empty(&types);
  wasm_externtype_vec_new_uninitialized(&types, 1);
  wasm_externtype_vec_delete(&types);
}

/* Are these the kinds of the types? A digit for each: kinds of numbers have one. */
static bool are(const wasm_valtype_vec_t* types, const char* kinds) {
  size_t i;
  if (types->size != strlen(kinds)) return false;
  for (i = 0; i < types->size; i++) {
    if (wasm_valtype_kind(types->data[i]) != kinds[i] - '0') return false;
  }
  return true;
}

static void signature(wasm_functype_t* type, const char* params, const char* results) {
  CHECK(are(wasm_functype_params(type), params) && are(wasm_functype_results(type), results));
  wasm_functype_delete(type);
}

/* The functions that the header has bodies for. */
static void conveniences(void) {
#define I32 wasm_valtype_new_i32()
#define I64 wasm_valtype_new_i64()
#define F32 wasm_valtype_new_f32()
#define F64 wasm_valtype_new_f64()
  int here;
  wasm_val_t value;
  signature(wasm_functype_new_0_0(), "", "");
  signature(wasm_functype_new_1_0(I32), "0", "");
  signature(wasm_functype_new_2_0(I32, I64), "01", "");
  signature(wasm_functype_new_3_0(I32, I64, F32), "012", "");
  signature(wasm_functype_new_0_1(F64), "", "3");
  signature(wasm_functype_new_1_1(I32, F64), "0", "3");
  signature(wasm_functype_new_2_1(I32, I64, F64), "01", "3");
  signature(wasm_functype_new_3_1(I32, I64, F32, F64), "012", "3");
  signature(wasm_functype_new_0_2(F64, I32), "", "30");
  signature(wasm_functype_new_1_2(I32, F64, I32), "0", "30");
  signature(wasm_functype_new_2_2(I32, I64, F64, I32), "01", "30");
  signature(wasm_functype_new_3_2(I32, I64, F32, F64, I32), "012", "30");
#undef I32
#undef I64
#undef F32
#undef F64
  CHECK(wasm_valkind_is_num(WASM_F64) && !wasm_valkind_is_num(WASM_EXTERNREF));
  CHECK(wasm_valkind_is_ref(WASM_FUNCREF) && !wasm_valkind_is_ref(WASM_I32));
  wasm_val_init_ptr(&value, &here);
  CHECK(value.kind == (sizeof(void*) == 4 ? WASM_I32 : WASM_I64));
  CHECK(wasm_val_ptr(&value) == &here);
}

int main(void) {
  bytes();
  value_types();
  function_types();
  conveniences();
  global_types();
  table_types();
  memory_types();
  tag_types();
  imports_and_exports();
  puts("ok");
  return 0;
}
