#include "textflag.h"

// Both functions go through a text in blocks of 64 bytes, and hold
//
//	SI  the text                R8  where the present block begins    R10 blanks so far
//	DI  what is left of n       R9  all bits set if that is inside    R11 quotes so far
//	CX  room - 64                   quotes                            R13 what begins with l.At
//
// and of the present block, a bit for each byte, R12 newlines, BX quotes and DX blanks.

#define BEGIN \
	MOVQ     text+0(FP), SI  \
	MOVQ     n+8(FP), DI     \
	MOVQ     room+16(FP), CX \
	MOVQ     l+24(FP), R13   \
	ADDQ     $24, R13        \
	SUBQ     $64, CX         \
	XORL     R8, R8          \
	XORL     R9, R9          \
	XORL     R10, R10        \
	XORL     R11, R11        \
	VPCMPEQB X5, X5, X5

// FILTER leaves what comes before the first newline, which all does if there is none, counts the quotes and takes out the blanks inside them.
// A byte is inside if the number of quotes up to it is odd: those numbers are a product without carries, with a number of bits that are all set.
#define FILTER \
	BLSIQ      R12, AX        \
	DECQ       AX             \
	ANDQ       AX, BX         \
	ANDQ       AX, DX         \
	POPCNTQ    BX, AX         \
	ADDQ       AX, R11        \
	VMOVQ      BX, X7         \
	VPCLMULQDQ $0, X5, X7, X7 \
	VMOVQ      X7, AX         \
	XORQ       R9, AX         \
	MOVQ       AX, R9         \
	SARQ       $63, R9        \
	ANDNQ      DX, AX, DX

// END says where the line ends and what was counted.
#define END \
	TZCNTQ R12, R12                \
	LEAQ   -64(R8)(R12*1), R8      \
	MOVQ   R8, -24(R13)            \
	MOVQ   R10, -16(R13)           \
	MOVQ   R11, -8(R13)            \
	MOVB   $1, ret+32(FP)          \
	VZEROUPPER                     \
	RET

// The numbers 0 to 63.
DATA ·places+0(SB)/8, $0x0706050403020100
DATA ·places+8(SB)/8, $0x0f0e0d0c0b0a0908
DATA ·places+16(SB)/8, $0x1716151413121110
DATA ·places+24(SB)/8, $0x1f1e1d1c1b1a1918
DATA ·places+32(SB)/8, $0x2726252423222120
DATA ·places+40(SB)/8, $0x2f2e2d2c2b2a2928
DATA ·places+48(SB)/8, $0x3736353433323130
DATA ·places+56(SB)/8, $0x3f3e3d3c3b3a3938
GLOBL ·places(SB), RODATA|NOPTR, $64

// func scan512(text *byte, n, room int, l *Line) bool
TEXT ·scan512(SB), NOSPLIT, $0-33
	BEGIN
	MOVL         $'\n', AX
	VPBROADCASTB AX, Z0
	MOVL         $'"', AX
	VPBROADCASTB AX, Z1
	MOVL         $' ', AX
	VPBROADCASTB AX, Z2
	VMOVDQU64    ·places(SB), Z3

block:
	CMPQ      R8, CX
	JGT       over
	VMOVDQU64 (SI)(R8*1), Z6
	VPCMPEQB  Z6, Z0, K1
	VPCMPEQB  Z6, Z1, K2
	VPCMPEQB  Z6, Z2, K3
	KMOVQ     K1, R12
	KMOVQ     K2, BX
	KMOVQ     K3, DX
	CMPQ      DI, $64
	JGE       whole
	BTSQ      DI, R12 // the end of the text ends its last line

whole:
	SUBQ $64, DI
	FILTER

	// The places of the blanks, of which sixteen at most are told.
	KMOVQ         DX, K4
	VPCOMPRESSB.Z Z3, K4, Z7
	VPMOVZXBD     X7, Z7
	VPBROADCASTD  R8, Z4
	VPADDD        Z4, Z7, Z7
	VMOVDQU32     Z7, (R13)(R10*4)
	POPCNTQ       DX, DX
	ADDQ          DX, R10
	CMPQ          DX, $16
	JGT           many
	CMPQ          R10, $32
	JGT           many

next:
	ADDQ  $64, R8
	TESTQ R12, R12
	JZ    block
	END

	// A line of no known form: what follows is noted where the room ends, again and again.
many:
	MOVL $33, R10
	JMP  next

over:
	MOVB $0, ret+32(FP)
	VZEROUPPER
	RET

// NOTE notes where the next blank is.
#define NOTE(place) \
	TZCNTQ DX, AX              \
	ADDL   R8, AX              \
	MOVL   AX, place(R13)(R10*4) \
	BLSRQ  DX, DX

// MASK sets the bits of the bytes that are those of a register.
#define MASK(of, to) \
	VPCMPEQB  Y3, of, Y8 \
	VPCMPEQB  Y4, of, Y9 \
	VPMOVMSKB Y8, to     \
	VPMOVMSKB Y9, AX     \
	SHLQ      $32, AX    \
	ORQ       AX, to

// func scan256(text *byte, n, room int, l *Line) bool
TEXT ·scan256(SB), NOSPLIT, $0-33
	BEGIN
	MOVL         $'\n', AX
	MOVQ         AX, X0
	VPBROADCASTB X0, Y0
	MOVL         $'"', AX
	MOVQ         AX, X1
	VPBROADCASTB X1, Y1
	MOVL         $' ', AX
	MOVQ         AX, X2
	VPBROADCASTB X2, Y2

block:
	CMPQ    R8, CX
	JGT     over
	VMOVDQU (SI)(R8*1), Y3
	VMOVDQU 32(SI)(R8*1), Y4
	MASK(Y0, R12)
	MASK(Y1, BX)
	MASK(Y2, DX)
	CMPQ    DI, $64
	JGE     whole
	BTSQ    DI, R12

whole:
	SUBQ $64, DI
	FILTER
	JZ   next // of user agents, mostly

	POPCNTQ DX, BX
	NOTE(0)
	NOTE(4)
	NOTE(8)
	NOTE(12)
	CMPQ    BX, $4
	JLE     noted
	NOTE(16)
	NOTE(20)
	NOTE(24)
	NOTE(28)
	CMPQ    BX, $8
	JLE     noted
	NOTE(32)
	NOTE(36)
	NOTE(40)
	NOTE(44)
	NOTE(48)
	NOTE(52)
	NOTE(56)
	NOTE(60)

noted:
	ADDQ BX, R10
	CMPQ BX, $16
	JGT  many
	CMPQ R10, $32
	JGT  many

next:
	ADDQ  $64, R8
	TESTQ R12, R12
	JZ    block
	END

many:
	MOVL $33, R10
	JMP  next

over:
	MOVB $0, ret+32(FP)
	VZEROUPPER
	RET
