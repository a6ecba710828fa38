disclaimer 예제 주식회사
