/* threadle.h: values, references to objects, and their raw forms. */
#include "check.h"

static int finalized = 0;

static void finalizer(void* data) { finalized += (int)(intptr_t)data; }

static wasm_trap_t* pass(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults
) {
  size_t i;
  (void)env; (void)caller;
  CHECK(nargs == nresults);
  for (i = 0; i < nargs; i++) threadle_val_clone(&args[i], &results[i]);
  return NULL;
}

/* Calls a function with references while it has some. */
static wasm_trap_t* pass_raw(
  void* env, threadle_caller_t* caller, threadle_val_raw_t* values, size_t count
) {
  threadle_context_t* context = threadle_caller_context(caller);
  threadle_externref_t ref, made;
  threadle_func_t* func = (threadle_func_t*)env;
  threadle_val_raw_t nested[1];
  CHECK(count == 2);
  if (func != NULL) {
    OK(threadle_externref_new(context, (void*)77, NULL, &made) ? NULL : threadle_error_new("no room"));
    nested[0].externref = threadle_externref_to_raw(context, &made);
    OK(threadle_func_call_unchecked(context, func, nested, 1, NULL));
    threadle_externref_from_raw(context, nested[0].externref, &ref);
    CHECK(threadle_externref_data(context, &ref) == (void*)77);
    threadle_externref_unroot(&ref);
    threadle_externref_unroot(&made);
  }
  threadle_externref_from_raw(context, values[0].externref, &ref);
  CHECK(threadle_externref_data(context, &ref) == (void*)5);
  threadle_externref_unroot(&ref);
  return NULL;
}

static const char* text =
  "(module"
  "  (type $s (struct (field (mut i32)) (field i64))) (type $a (array (mut i8)))"
  "  (import \"\" \"pass\" (func $pass (param i64 f32 f64 v128 funcref externref anyref exnref)"
  "    (result i64 f32 f64 v128 funcref externref anyref exnref)))"
  "  (import \"\" \"raw\" (func $raw (param externref funcref) (result externref funcref)))"
  "  (tag $t (export \"t\") (param i32))"
  "  (func (export \"pass\") (param i64 f32 f64 v128 funcref externref anyref exnref)"
  "    (result i64 f32 f64 v128 funcref externref anyref exnref)"
  "    (call $pass (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)"
  "      (local.get 5) (local.get 6) (local.get 7)))"
  "  (func (export \"raw\") (param externref funcref) (result externref funcref)"
  "    (call $raw (local.get 0) (local.get 1)))"
  "  (func (export \"id\") (param externref) (result externref) (local.get 0))"
  "  (func (export \"struct\") (result anyref) (struct.new $s (i32.const 3) (i64.const 4)))"
  "  (func (export \"array\") (result anyref) (array.new $a (i32.const 200) (i32.const 3)))"
  "  (func (export \"exn\") (result exnref)"
  "    (block $b (result exnref) (try_table (catch_all_ref $b) (throw $t (i32.const 1))) unreachable))"
  "  (func (export \"throw\") (throw $t (i32.const 1))))";

static threadle_val_t call(
  threadle_context_t* context, const threadle_instance_t* instance, const char* name
) {
  threadle_extern_t item = export_of(context, instance, name);
  threadle_val_t result;
  wasm_trap_t* trap = NULL;
  OK(threadle_func_call(context, &item.of.func, NULL, 0, &result, 1, &trap));
  CHECK(trap == NULL);
  return result;
}

static void host_objects(threadle_context_t* context, const threadle_instance_t* instance) {
  threadle_externref_t ref, clone, null;
  threadle_val_t arg, result, copy;
  threadle_extern_t id = export_of(context, instance, "id");
  CHECK(threadle_externref_new(context, (void*)5, finalizer, &ref));
  CHECK(!threadle_externref_is_null(&ref) && threadle_externref_data(context, &ref) == (void*)5);
  threadle_externref_clone(&ref, &clone);
  threadle_externref_unroot(&ref);
  CHECK(threadle_externref_is_null(&ref) && threadle_externref_data(context, &clone) == (void*)5);
  threadle_externref_set_null(&null);
  CHECK(threadle_externref_data(context, &null) == NULL);
  threadle_externref_clone(&null, &ref);
  CHECK(threadle_externref_is_null(&ref));
  arg.kind = THREADLE_EXTERNREF;
  arg.of.externref = clone;
  OK(threadle_func_call(context, &id.of.func, &arg, 1, &result, 1, NULL));
  CHECK(result.kind == THREADLE_EXTERNREF);
  CHECK(threadle_externref_data(context, &result.of.externref) == (void*)5);
  threadle_val_clone(&result, &copy);
  threadle_val_unroot(&result);
  CHECK(threadle_externref_data(context, &copy.of.externref) == (void*)5);
  threadle_val_unroot(&copy);
  arg.of.externref = null;
  OK(threadle_func_call(context, &id.of.func, &arg, 1, &result, 1, NULL));
  CHECK(result.kind == THREADLE_EXTERNREF && threadle_externref_is_null(&result.of.externref));
  CHECK(finalized == 0);
  OK(threadle_context_gc(context));
  CHECK(finalized == 0);
  threadle_externref_unroot(&clone);
  OK(threadle_context_gc(context));
  CHECK(finalized == 5);
  threadle_externref_unroot(NULL);
  CHECK(!threadle_externref_new(NULL, NULL, NULL, &ref) && threadle_externref_is_null(&ref));
}

static void objects(threadle_context_t* context, const threadle_instance_t* instance) {
  threadle_val_t s = call(context, instance, "struct"), a = call(context, instance, "array");
  threadle_val_t value = val_i32(9), got;
  threadle_anyref_t any, number, back;
  threadle_eqref_t eq, eq2;
  threadle_structref_t st, st2;
  threadle_arrayref_t ar, ar2;
  uint32_t u = 0, raw;
  int32_t i = 0;
  CHECK(s.kind == THREADLE_ANYREF && !threadle_anyref_is_null(&s.of.anyref));
  CHECK(threadle_anyref_is_struct(context, &s.of.anyref));
  CHECK(!threadle_anyref_is_array(context, &s.of.anyref));
  CHECK(!threadle_anyref_is_i31(context, &s.of.anyref));
  CHECK(threadle_anyref_is_eqref(context, &s.of.anyref));
  CHECK(threadle_anyref_as_struct(context, &s.of.anyref, &st));
  CHECK(!threadle_anyref_as_array(context, &s.of.anyref, &ar) && threadle_arrayref_is_null(&ar));
  OK(threadle_structref_field(context, &st, 1, &got));
  CHECK(got.kind == THREADLE_I64 && got.of.i64 == 4);
  OK(threadle_structref_set_field(context, &st, 0, &value));
  OK(threadle_structref_field(context, &st, 0, &got));
  CHECK(got.of.i32 == 9);
  CHECK(says(threadle_structref_set_field(context, &st, 1, &value), "field"));
  CHECK(says(threadle_structref_field(context, &st, 2, &got), "field"));
  threadle_structref_clone(&st, &st2);
  threadle_structref_to_anyref(&st2, &any);
  threadle_structref_to_eqref(&st2, &eq);
  CHECK(threadle_eqref_is_struct(context, &eq) && !threadle_eqref_is_array(context, &eq));
  threadle_structref_unroot(&st2);
  CHECK(threadle_eqref_as_struct(context, &eq, &st2));
  threadle_structref_unroot(&st2);
  threadle_eqref_clone(&eq, &eq2);
  threadle_eqref_to_anyref(&eq2, &back);
  CHECK(threadle_anyref_is_struct(context, &back));
  threadle_anyref_unroot(&back);
  threadle_eqref_unroot(&eq2);
  CHECK(threadle_anyref_as_eqref(context, &any, &eq2) && threadle_eqref_is_struct(context, &eq2));
  threadle_eqref_unroot(&eq2);
  threadle_eqref_unroot(&eq);
  threadle_anyref_unroot(&any);
  threadle_structref_unroot(&st);
  threadle_structref_set_null(&st);
  CHECK(says(threadle_structref_field(context, &st, 0, &got), "null"));

  CHECK(threadle_anyref_as_array(context, &a.of.anyref, &ar));
  OK(threadle_arrayref_len(context, &ar, &u));
  CHECK(u == 3);
  OK(threadle_arrayref_get(context, &ar, 2, &got));
  CHECK(got.kind == THREADLE_I32 && got.of.i32 == 200);
  OK(threadle_arrayref_set(context, &ar, 2, &value));
  OK(threadle_arrayref_get(context, &ar, 2, &got));
  CHECK(got.of.i32 == 9);
  CHECK(says(threadle_arrayref_get(context, &ar, 3, &got), "element"));
  threadle_arrayref_clone(&ar, &ar2);
  threadle_arrayref_to_anyref(&ar2, &any);
  threadle_arrayref_to_eqref(&ar2, &eq);
  threadle_arrayref_unroot(&ar2);
  CHECK(threadle_eqref_as_array(context, &eq, &ar2));
  threadle_arrayref_unroot(&ar2);
  threadle_arrayref_unroot(&ar);
  threadle_anyref_unroot(&any);
  CHECK(!threadle_eqref_is_i31(context, &eq));
  CHECK(!threadle_eqref_i31_get_u(context, &eq, &u) && !threadle_eqref_i31_get_s(context, &eq, &i));
  threadle_eqref_unroot(&eq);
  threadle_arrayref_set_null(&ar);
  CHECK(threadle_arrayref_is_null(&ar));

  threadle_anyref_from_i31(context, 0x7fffffff, &number);
  CHECK(threadle_anyref_is_i31(context, &number));
  CHECK(threadle_anyref_i31_get_u(context, &number, &u) && u == 0x7fffffff);
  CHECK(threadle_anyref_i31_get_s(context, &number, &i) && i == -1);
  raw = threadle_anyref_to_raw(context, &number);
  threadle_anyref_from_raw(context, raw, &back);
  CHECK(raw != 0 && threadle_anyref_i31_get_s(context, &back, &i) && i == -1);
  threadle_anyref_unroot(&back);
  threadle_anyref_from_raw(context, 0, &back);
  CHECK(threadle_anyref_is_null(&back));
  threadle_anyref_from_raw(context, 4000000000u, &back);
  CHECK(threadle_anyref_is_null(&back));
  threadle_anyref_set_null(&back);
  CHECK(threadle_anyref_to_raw(context, &back) == 0);
  CHECK(!threadle_anyref_is_i31(context, &back));
  threadle_anyref_clone(&number, &back);
  threadle_anyref_unroot(&number);
  threadle_anyref_unroot(&back);
  threadle_eqref_from_i31(context, 5, &eq);
  CHECK(threadle_eqref_is_i31(context, &eq) && threadle_eqref_i31_get_u(context, &eq, &u) && u == 5);
  threadle_eqref_unroot(&eq);
  threadle_eqref_set_null(&eq);
  CHECK(threadle_eqref_is_null(&eq) && threadle_structref_is_null(&st));
  threadle_val_unroot(&s);
  threadle_val_unroot(&a);
}

static void exceptions(threadle_context_t* context, const threadle_instance_t* instance) {
  threadle_val_t exn = call(context, instance, "exn");
  threadle_exnref_t clone, back;
  threadle_tag_t tag;
  threadle_extern_t exported = export_of(context, instance, "t");
  wasm_trap_t* trap = NULL;
  uint32_t raw;
  CHECK(exn.kind == THREADLE_EXNREF && exported.kind == THREADLE_EXTERN_TAG);
  OK(threadle_exnref_tag(context, &exn.of.exnref, &tag));
  CHECK(threadle_tag_eq(context, &tag, &exported.of.tag));
  raw = threadle_exnref_to_raw(context, &exn.of.exnref);
  threadle_exnref_from_raw(context, raw, &back);
  CHECK(!threadle_exnref_is_null(&back));
  threadle_exnref_unroot(&back);
  /* The number is no reference of another kind. */
  {
    threadle_anyref_t any;
    threadle_anyref_from_raw(context, raw, &any);
    CHECK(threadle_anyref_is_null(&any));
  }
  threadle_exnref_clone(&exn.of.exnref, &clone);
  threadle_val_unroot(&exn);
  OK(threadle_exnref_tag(context, &clone, &tag));
  threadle_exnref_unroot(&clone);
  threadle_exnref_set_null(&clone);
  CHECK(says(threadle_exnref_tag(context, &clone, &tag), "null"));
  exported = export_of(context, instance, "throw");
  OK(threadle_func_call(context, &exported.of.func, NULL, 0, NULL, 0, &trap));
  CHECK(trap_says(trap, "exception"));
  wasm_trap_delete(trap);
}

static void all_kinds(threadle_context_t* context, const threadle_instance_t* instance) {
  threadle_extern_t item = export_of(context, instance, "pass");
  threadle_val_t args[8], results[8];
  threadle_val_raw_t raw[8];
  threadle_func_t func;
  wasm_trap_t* trap = NULL;
  int i;
  uint32_t u;
  args[0].kind = THREADLE_I64;
  args[0].of.i64 = -2;
  args[1].kind = THREADLE_F32;
  args[1].of.f32 = 1.5f;
  args[2].kind = THREADLE_F64;
  args[2].of.f64 = -2.5;
  args[3].kind = THREADLE_V128;
  for (i = 0; i < 16; i++) args[3].of.v128[i] = (uint8_t)i;
  args[4].kind = THREADLE_FUNCREF;
  args[4].of.funcref = item.of.func;
  args[5].kind = THREADLE_EXTERNREF;
  CHECK(threadle_externref_new(context, (void*)6, NULL, &args[5].of.externref));
  args[6].kind = THREADLE_ANYREF;
  threadle_anyref_from_i31(context, 8, &args[6].of.anyref);
  args[7].kind = THREADLE_EXNREF;
  threadle_exnref_set_null(&args[7].of.exnref);
  OK(threadle_func_call(context, &item.of.func, args, 8, results, 8, &trap));
  CHECK(trap == NULL);
  for (i = 0; i < 8; i++) CHECK(results[i].kind == args[i].kind);
  CHECK(results[0].of.i64 == -2 && results[1].of.f32 == 1.5f && results[2].of.f64 == -2.5);
  CHECK(memcmp(results[3].of.v128, args[3].of.v128, 16) == 0);
  CHECK(results[4].of.funcref.store_id == item.of.func.store_id);
  CHECK(results[4].of.funcref.private_ == item.of.func.private_);
  CHECK(threadle_externref_data(context, &results[5].of.externref) == (void*)6);
  CHECK(threadle_anyref_i31_get_u(context, &results[6].of.anyref, &u) && u == 8);
  CHECK(threadle_exnref_is_null(&results[7].of.exnref));
  for (i = 0; i < 8; i++) threadle_val_unroot(&results[i]);

  memset(raw, 0, sizeof(raw));
  raw[0].i64 = 11;
  raw[4].funcref = threadle_func_to_raw(context, &item.of.func);
  raw[5].externref = threadle_externref_to_raw(context, &args[5].of.externref);
  OK(threadle_func_call_unchecked(context, &item.of.func, raw, 8, &trap));
  CHECK(trap == NULL && raw[0].i64 == 11 && raw[6].anyref == 0);
  threadle_func_from_raw(context, raw[4].funcref, &func);
  CHECK(func.private_ == item.of.func.private_);
  {
    threadle_externref_t ref;
    threadle_externref_from_raw(context, raw[5].externref, &ref);
    CHECK(threadle_externref_data(context, &ref) == (void*)6);
    threadle_externref_unroot(&ref);
  }
  threadle_func_from_raw(context, NULL, &func);
  CHECK(threadle_funcref_is_null(&func) && threadle_func_to_raw(context, &func) == NULL);
  threadle_func_from_raw(context, (void*)99999, &func);
  CHECK(threadle_funcref_is_null(&func));
  for (i = 0; i < 8; i++) threadle_val_unroot(&args[i]);
}

static void raw_references(threadle_context_t* context, const threadle_instance_t* instance) {
  threadle_extern_t item = export_of(context, instance, "raw");
  threadle_val_raw_t values[2];
  threadle_externref_t ref;
  int i;
  for (i = 0; i < 100; i++) {
    CHECK(threadle_externref_new(context, (void*)5, NULL, &ref));
    values[0].externref = threadle_externref_to_raw(context, &ref);
    /* Numbers are used again: lists do not grow with calls. */
    CHECK(values[0].externref < 10);
    threadle_externref_unroot(&ref);
    values[1].funcref = NULL;
    OK(threadle_func_call_unchecked(context, &item.of.func, values, 2, NULL));
    threadle_externref_from_raw(context, values[0].externref, &ref);
    CHECK(threadle_externref_data(context, &ref) == (void*)5 && values[1].funcref == NULL);
    threadle_externref_unroot(&ref);
  }
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_store_t* other = threadle_store_new(engine, NULL, NULL);
  threadle_module_t* module = compile(engine, text);
  threadle_extern_t imports[2];
  threadle_instance_t instance;
  threadle_func_t id;
  threadle_externref_t ref;
  wasm_importtype_vec_t types;
  threadle_module_imports(module, &types);
  threadle_func_new(context,
    wasm_externtype_as_functype_const(wasm_importtype_type(types.data[0])), pass, NULL, NULL,
    &imports[0].of.func);
  threadle_func_new_unchecked(context,
    wasm_externtype_as_functype_const(wasm_importtype_type(types.data[1])), pass_raw, &id, NULL,
    &imports[1].of.func);
  wasm_importtype_vec_delete(&types);
  imports[0].kind = imports[1].kind = THREADLE_EXTERN_FUNC;
  OK(threadle_instance_new(context, module, imports, 2, &instance, NULL));
  id = export_of(context, &instance, "id").of.func;
  host_objects(context, &instance);
  objects(context, &instance);
  exceptions(context, &instance);
  all_kinds(context, &instance);
  raw_references(context, &instance);
  /* A reference of another store is an error, not an object. */
  CHECK(threadle_externref_new(context, (void*)5, NULL, &ref));
  CHECK(threadle_externref_data(threadle_store_context(other), &ref) == NULL);
  CHECK(threadle_externref_to_raw(threadle_store_context(other), &ref) == 0);
  threadle_externref_unroot(&ref);
  threadle_module_delete(module);
  threadle_store_delete(other);
  threadle_store_delete(store);
  wasm_engine_delete(engine);
  puts("ok");
  return 0;
}
